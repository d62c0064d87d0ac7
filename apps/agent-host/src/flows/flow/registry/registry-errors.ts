import { FlowError } from "../run/error-codes.js";

export class FlowNotFoundError extends FlowError {
  override readonly name = "FlowNotFoundError";
  readonly flow: string;
  readonly version: string | undefined;

  constructor(flow: string, version: string | undefined) {
    super(`There is no flow ${JSON.stringify(flow)}${version === undefined ? "" : ` of version ${version}`}`);
    this.flow = flow;
    this.version = version;
  }
}

export class FlowAlreadyExistsError extends FlowError {
  override readonly name = "FlowAlreadyExistsError";
  readonly flow: string;
  readonly version: string;

  constructor(flow: string, version: string) {
    super(
      `There is a flow ${JSON.stringify(flow)} of version ${version}; give it another version, or say that it may be overwritten`,
    );
    this.flow = flow;
    this.version = version;
  }
}

export class InvalidFlowVersionError extends FlowError {
  override readonly name = "InvalidFlowVersionError";
  readonly flow: string;
  readonly version: string;

  constructor(flow: string, version: string) {
    super(`${JSON.stringify(version)} is no version for ${JSON.stringify(flow)}; write one like 1.2.3`);
    this.flow = flow;
    this.version = version;
  }
}
