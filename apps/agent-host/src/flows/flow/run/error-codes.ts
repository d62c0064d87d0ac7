/** The code of each class of error, for good: none is ever changed or used again. In the README, with what to do. */
export const errorCodes = {
  FlowNotFoundError: "FLOW-E001",
  FlowAlreadyExistsError: "FLOW-E002",
  InvalidFlowVersionError: "FLOW-E003",
  FlowStatusError: "FLOW-E004",
  FlowUnsupportedError: "FLOW-E005",
  FlowCompileError: "FLOW-E006",
  UnknownParameterError: "FLOW-E007",
  FlowCancelledError: "FLOW-E008",
  DeadlineExceededError: "FLOW-E009",
  ToolNotFoundError: "FLOW-E010",
  InputMappingError: "FLOW-E011",
  OutputMappingError: "FLOW-E012",
  SchemaValidationError: "FLOW-E013",
  ContractError: "FLOW-E014",
  StepExecutionError: "FLOW-E015",
  ToolTimeoutError: "FLOW-E016",
  ToolOutputError: "FLOW-E017",
  ToolOutputSizeError: "FLOW-E018",
  KeyCollisionError: "FLOW-E019",
  ReducerError: "FLOW-E020",
  CheckpointerNotConfiguredError: "FLOW-E021",
  CheckpointNotFoundError: "FLOW-E022",
  CheckpointVersionError: "FLOW-E023",
  CheckpointDriftError: "FLOW-E024",
  CheckpointWriteError: "FLOW-E025",
  AlreadyRunningError: "FLOW-E026",
  MissingParameterError: "FLOW-E027",
  StepUnresponsiveError: "FLOW-E028",
  CheckpointUnusableError: "FLOW-E029",
} as const satisfies Readonly<Record<string, string>>;

export type ErrorName = keyof typeof errorCodes;
export type ErrorCode = (typeof errorCodes)[ErrorName];

/** An error with a name and a code that stay. */
export abstract class FlowError extends Error {
  abstract override readonly name: ErrorName;

  get code(): ErrorCode {
    return errorCodes[this.name];
  }
}
