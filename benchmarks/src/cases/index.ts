import type { Case } from "../harness/case.ts";
import { abortCases } from "./abort.ts";
import { idCases } from "./ids.ts";
import { integerCases } from "./integers.ts";
import { joinCases } from "./join.ts";
import { keyedCases } from "./keyed.ts";
import { memoryCases } from "./memory.ts";
import { mutexCases } from "./mutex.ts";
import { pipeCases } from "./pipe.ts";
import { priorityCases } from "./priority.ts";
import { rwCases } from "./rw-lock.ts";

export const cases: readonly Case[] = [
  ...mutexCases,
  ...rwCases,
  ...keyedCases,
  ...priorityCases,
  ...idCases,
  ...integerCases,
  ...abortCases,
  ...memoryCases,
  ...pipeCases,
  ...joinCases,
];
