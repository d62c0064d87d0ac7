import type { WaitOptions } from "@holdfast/core";
import { describe, expectTypeOf, it } from "vitest";
import {
  type Candidates,
  counter,
  type IdHolder,
  IdReservations,
  type IdReservationsOptions,
  type IdTakenError,
  numbered,
  type Reservation,
  type ReservationEntry,
  type ReservationGroup,
  type ReservationState,
} from "../src/index.js";

describe("the types of IdReservations", () => {
  const ids = new IdReservations();
  const numbers = new IdReservations<number>();

  it("has strings as ids unless told otherwise, and infers them from the options", () => {
    expectTypeOf(ids).toEqualTypeOf<IdReservations>();
    expectTypeOf(new IdReservations({ isTaken: (id: number) => id > 5 })).toEqualTypeOf<
      IdReservations<number>
    >();
    // @ts-expect-error a number is no id of this one
    ids.tryReserve(5);
    // @ts-expect-error an answer that comes later is too late
    new IdReservations({ isTaken: () => Promise.resolve(true) });
  });

  it("gives reservations of its ids", () => {
    expectTypeOf(ids.reserve("a")).toEqualTypeOf<Reservation>();
    expectTypeOf(numbers.tryReserve(1)).toEqualTypeOf<Reservation<number> | null>();
    expectTypeOf(numbers.reserveFirst([1, 2])).toEqualTypeOf<Reservation<number>>();
    expectTypeOf(ids.reserveAll(["a"])).toEqualTypeOf<ReservationGroup>();
    expectTypeOf<Reservation>().toExtend<Disposable>();
    expectTypeOf<ReservationGroup>().toExtend<Disposable>();
    expectTypeOf<Reservation["since"]>().toEqualTypeOf<number | undefined>();
    // @ts-expect-error only its methods change a reservation
    ids.reserve("a").state = "released";
  });

  it("takes candidates from its helpers, of its own kind of id", () => {
    expectTypeOf(numbered("a")).toExtend<Candidates<string>>();
    expectTypeOf(counter()).toExtend<Candidates<number>>();
    expectTypeOf(counter(1, (number) => `job-${number}`)).toEqualTypeOf<() => string>();
    expectTypeOf<Candidates<number>>().not.toExtend<Candidates<string>>();
    // @ts-expect-error names are no numbers
    numbers.reserveFirst(numbered("a"));
  });

  it("infers what a body gives, awaited", () => {
    expectTypeOf(ids.with("a", ({ id }) => id)).resolves.toEqualTypeOf<string>();
    expectTypeOf(numbers.withFirst([1], ({ id }) => Promise.resolve(id))).resolves.toEqualTypeOf<number>();
  });

  it("can be looked at", () => {
    expectTypeOf(ids.stateOf("a")).toEqualTypeOf<"pending" | "committed" | "sealed" | "external" | "free">();
    expectTypeOf<IdTakenError["heldBy"]>().toEqualTypeOf<IdHolder>();
    expectTypeOf<IdTakenError["code"]>().toEqualTypeOf<"ERR_ID_TAKEN">();
    expectTypeOf(numbers.snapshot()).toEqualTypeOf<readonly ReservationEntry<number>[]>();
    expectTypeOf<ReservationEntry["state"]>().toEqualTypeOf<Exclude<ReservationState, "released">>();
    expectTypeOf<Parameters<typeof ids.whenFree>>().toEqualTypeOf<
      [id: string, options?: WaitOptions | undefined]
    >();
    expectTypeOf<{ normalize: undefined; label: undefined }>().toExtend<IdReservationsOptions<string>>();
  });
});
