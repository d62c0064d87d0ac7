export type { AbortSignalLike, LockErrorCode, WaitOptions } from "@holdfast/core";
export { isLockError, LockError, TimeoutError } from "@holdfast/core";
export { counter, numbered } from "./candidates.js";
export type { Candidates } from "./candidates.js";
export { IdCandidatesExhaustedError, IdTakenError } from "./errors.js";
export type { IdHolder } from "./errors.js";
export { IdReservations } from "./id-reservations.js";
export type { IdReservationsOptions, ReserveFirstOptions, ReserveOptions } from "./id-reservations.js";
export type { Reservation, ReservationEntry, ReservationGroup, ReservationState } from "./reservation.js";
