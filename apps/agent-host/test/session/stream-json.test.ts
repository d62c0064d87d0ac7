import { describe, expect, it } from "vitest";
import type { Meaning } from "../../src/session/driver.js";
import { streamJson } from "../../src/session/drivers/stream-json.js";

const driver = streamJson((resume) => ({
  command: "agent",
  args: resume === undefined ? [] : ["--resume", resume],
}));
const dialogue = driver.converse(driver.launch(undefined, {}), undefined);
const result = (fields: object): Meaning => dialogue.read({ type: "result", ...fields });

describe("what is written", () => {
  it("is a user message for a prompt", () => {
    expect(dialogue.prompt("a\nb")).toEqual({
      type: "user",
      message: { role: "user", content: [{ type: "text", text: "a\nb" }] },
    });
  });

  it("[S54] is a control request in its envelope for an interrupt: the bare one is ignored by agents", () => {
    expect(dialogue.interrupt("r-1")).toEqual({
      type: "control_request",
      request_id: "r-1",
      request: { subtype: "interrupt" },
    });
  });

  it("[S58] is a control response for an answer, with the id inside of it", () => {
    const request = { id: "c-9", tool: "Bash", input: { command: "ls" } };
    const response = (answer: Parameters<typeof dialogue.answer>[1]): unknown =>
      dialogue.answer(request, answer);
    const expected = (behavior: object): object => ({
      type: "control_response",
      response: { subtype: "success", request_id: "c-9", response: behavior },
    });
    expect(response({ allow: true })).toEqual(
      expected({ behavior: "allow", updatedInput: { command: "ls" } }),
    );
    expect(response({ allow: true, input: {} })).toEqual(expected({ behavior: "allow", updatedInput: {} }));
    expect(response({ allow: false, message: "no" })).toEqual(
      expected({ behavior: "deny", message: "no", interrupt: false }),
    );
  });

  it("[S51] goes on with a conversation when it is started", () => {
    expect(driver.launch("s-1", {}).args).toEqual(["--resume", "s-1"]);
    expect(driver.launch(undefined, {}).args).toEqual([]);
  });
});

describe("what is read", () => {
  it("is text, of one block or several", () => {
    const content = [
      { type: "text", text: "a" },
      { type: "tool_use", name: "Bash" },
      { type: "text", text: "b" },
    ];
    expect(dialogue.read({ type: "assistant", message: { content } })).toEqual({ kind: "text", text: "ab" });
    expect(dialogue.read({ type: "assistant", message: { content: "c" } })).toEqual({
      kind: "text",
      text: "c",
    });
  });

  it("[S58] is a question for a tool, and that it is not asked any more", () => {
    const request = {
      subtype: "can_use_tool",
      tool_name: "Bash",
      input: { command: "ls" },
      tool_use_id: "t",
    };
    expect(dialogue.read({ type: "control_request", request_id: "c-9", request })).toEqual({
      kind: "permission",
      request: { id: "c-9", tool: "Bash", input: { command: "ls" } },
    });
    expect(dialogue.read({ type: "control_cancel_request", request_id: "c-9" })).toEqual({
      kind: "withdrawn",
      id: "c-9",
    });
  });

  it("[S54] finds the id of an answer inside of the response, where it is", () => {
    const response = { subtype: "success", request_id: "r-1", response: { still_queued: [] } };
    expect(dialogue.read({ type: "control_response", request_id: "wrong", response })).toEqual({
      kind: "acknowledged",
      id: "r-1",
      clean: true,
    });
  });

  it("[S79] sees in an acknowledgement that messages are left which would run later", () => {
    const of = (response: object): unknown => dialogue.read({ type: "control_response", response });
    expect(of({ request_id: "r", response: { still_queued: ["u-1"] } })).toMatchObject({ clean: false });
    // Older agents say nothing about it.
    expect(of({ request_id: "r", subtype: "success" })).toMatchObject({ clean: true });
    expect(of({ request_id: "r", subtype: "error", error: "no" })).toMatchObject({ clean: true });
  });

  it("[S47] is the boundary for a result and for an error, and for nothing else", () => {
    expect(result({ result: "done" })).toEqual({ kind: "boundary", text: "done" });
    expect(dialogue.read({ type: "error", error: { message: "away" }, request_id: "q" })).toMatchObject({
      kind: "boundary",
      failure: { message: "away", requestId: "q" },
    });
    expect(dialogue.read({ type: "error", request_id: 7 })).toStrictEqual({
      kind: "boundary",
      text: "",
      failure: { message: "the agent reported an error", payload: { type: "error", request_id: 7 } },
    });
    for (const type of ["system", "assistant", "user", "keep_alive", "stream_event", undefined])
      expect(dialogue.read({ type })).not.toMatchObject({ kind: "boundary" });
  });

  it("[S48] takes a missing text for an empty one, and never the text for the status", () => {
    expect(result({})).toEqual({ kind: "boundary", text: "" });
    for (const text of ["interrupted", "API Error: 500 is what I would answer", "No conversation found"])
      expect(result({ result: text, is_error: false })).toEqual({ kind: "boundary", text });
  });

  it("[S49] is the provider's error, with status, request id and payload", () => {
    const payload = {
      type: "error",
      error: { type: "overloaded_error", message: "Overloaded" },
      request_id: "q-1",
    };
    expect(result({ is_error: true, result: `API Error: 529 ${JSON.stringify(payload)}` })).toEqual({
      kind: "boundary",
      text: expect.stringContaining("API Error: 529") as string,
      failure: {
        message: "API error 529: Overloaded",
        status: 529,
        requestId: "q-1",
        payload,
        overflow: false,
      },
    });
    expect(result({ is_error: true, result: "API Error: 500 plain\ntext" })).toMatchObject({
      failure: { message: "API error 500: plain\ntext", status: 500, payload: "plain\ntext" },
    });
    // However it is spaced, and whatever is missing.
    expect(result({ is_error: true, result: "API Error: 500  plain" })).toMatchObject({
      failure: { payload: "plain" },
    });
    expect(result({ is_error: true, result: 'API Error: 500{"request_id":7}' })).toStrictEqual({
      kind: "boundary",
      text: 'API Error: 500{"request_id":7}',
      failure: {
        message: 'API error 500: {"request_id":7}',
        status: 500,
        payload: { request_id: 7 },
        overflow: false,
      },
    });
  });

  it("[S85] tells a conversation that is too long from other errors", () => {
    const payload = { error: { code: "context_length_exceeded", message: "too long" } };
    expect(result({ is_error: true, result: `API Error: 400 ${JSON.stringify(payload)}` })).toMatchObject({
      failure: { overflow: true },
    });
  });

  it("[S49] is a failure also where the agent itself gave up: never an empty answer", () => {
    expect(result({ is_error: true, subtype: "error_max_turns", errors: ["a", 1, "b"] })).toMatchObject({
      failure: { message: "error_max_turns: a: b" },
    });
    const said = "it said API Error: 500";
    expect(result({ is_error: true, subtype: "error", result: said })).toEqual({
      kind: "boundary",
      text: said,
      failure: { message: `error: ${said}` },
    });
  });

  it("[S51] is a refusal to go on with a conversation", () => {
    const reason = "No conversation found with session ID: s-1";
    expect(result({ is_error: true, errors: [reason] })).toEqual({ kind: "refused", message: reason });
  });

  it("[S55] is nothing of importance for what it does not know", () => {
    for (const frame of [
      {},
      { type: 7 },
      { type: "keep_alive" },
      { type: "control_request", request_id: "c", request: { subtype: "something_new" } },
      { type: "user", message: { content: [{ type: "tool_result" }] } },
    ])
      expect(dialogue.read(frame)).toEqual({ kind: "other" });
    for (const frame of [
      { type: "assistant" },
      { type: "assistant", message: null },
      { type: "assistant", message: { content: [null, 1] } },
    ])
      expect(dialogue.read(frame)).toEqual({ kind: "text", text: "" });
  });

  it("[S51] names the conversation, if it does", () => {
    expect(dialogue.conversation?.({ session_id: "s-1" })).toBe("s-1");
    for (const id of ["", 7, null, undefined])
      expect(dialogue.conversation?.({ session_id: id })).toBeUndefined();
  });
});
