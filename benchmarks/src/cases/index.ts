import type { Case } from "../harness/case.ts";
import { keyedCases } from "./keyed.ts";
import { mutexCases } from "./mutex.ts";
import { rwCases } from "./rw-lock.ts";

export const cases: readonly Case[] = [...mutexCases, ...rwCases, ...keyedCases];
