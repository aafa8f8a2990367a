// `chat`: holds a conversation on the terminal, or answers each line of piped input.

import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { isGiven, type OptionSources, parseOptions, typedOptions } from "../cli/parse-options.ts";
import { ChatSession } from "../client/chat-session.ts";
import { ConfigError } from "../errors.ts";
import { LineInput, withInput } from "../runtime/line-input.ts";
import { AnswerPrinter, endedByServer, type PrintedAnswer } from "./answer-printer.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connection.ts";
import { requestFields } from "./request-fields.ts";

const COMMANDS = ["/reset", "/clear", "/system", "/help", "/?", "/exit", "/quit", "/bye"];
const HELP = `/reset          start a new conversation
/system <text>  start a new conversation with this system prompt
/help           show this help
/exit           exit, like Ctrl-D; Ctrl-C stops an answer, and pressed twice, exits
"""             start and end a message of several lines
Pasted text is sent as one message, including its line breaks.`;

/** Delimiter of a multi-line message, as in Ollama. */
const QUOTES = '"""';

const unknownText = (command = "") =>
  `unknown command ${command}; to send it as a message, put a space before it\n${HELP}`;

/** Log line for an answer that reached the maximum length. */
const CUT_OFF = "the answer was cut off by --max-tokens or by the end of the model's context";

export async function run(context: CommandContext): Promise<ExitCode> {
  const options = parseOptions("chat", context.sources, context.warn);
  checkModel(options.model);
  checkMessage(options.quick, context.sources);
  const { client, modelName, close } = await connect("chat", options, context);
  const isSeeded = isGiven("chat", "seed", context.sources);
  const fields = requestFields(options, modelName, isSeeded);
  const session = new ChatSession({ client, fields, systemPrompt: options["system-prompt"] });
  const printer = new AnswerPrinter(context.sources.env);
  try {
    if (options.quick === "") return await new Conversation(session, printer, context.log).run();
    const question = await withInput(options.quick, context.log);
    logEnd(await printer.print(session.send(question), true), context.log);
    return EXIT_CODES.ok;
  } finally {
    await close();
  }
}

function logEnd({ isCut, otherEnd }: PrintedAnswer, log: (line: string) => void): void {
  if (isCut) log(CUT_OFF);
  if (otherEnd !== null) log(endedByServer(otherEnd));
}

/** Refuses a message that was passed as the model. @throws ConfigError "invalid_option" */
function checkModel(name: string): void {
  if (!/\s/.test(name) || /\.gguf$/i.test(name)) return;
  const message = `chat: the first argument is a model; use -q to send a message: chat -q "${name}"`;
  throw new ConfigError("invalid_option", message);
}

/**
 * Refuses an empty -q, which usually results from an unset variable in a script.
 * @throws ConfigError "missing_option"
 */
function checkMessage(quick: string, sources: OptionSources): void {
  if (quick.trim() !== "" || !typedOptions("chat", sources).includes("quick")) return;
  throw new ConfigError("missing_option", "chat: the message for -q is empty");
}

/** Reads messages and prints answers until the input ends. */
class Conversation {
  readonly #session: ChatSession;
  readonly #printer: AnswerPrinter;
  readonly #log: (line: string) => void;
  readonly #input = new LineInput("> ");
  /** Aborts the answer in progress; null between answers. */
  #stop: AbortController | null = null;
  /** Number of times that Ctrl-C has been pressed since the last line. */
  #numInterrupts = 0;

  constructor(session: ChatSession, printer: AnswerPrinter, log: (line: string) => void) {
    this.#session = session;
    this.#printer = printer;
    this.#log = log;
  }

  async run(): Promise<ExitCode> {
    if (this.#input.isTerminal) this.#printer.remark("type /help for commands");
    this.#input.onInterrupt(() => this.#interrupt());
    for (let line = await this.#next(); line !== null; line = await this.#next()) {
      if (this.#isCommand(line)) {
        if (!this.#obey(line)) break;
      } else if (line.trim() !== "") {
        await this.#answer(await this.#message(line));
      }
    }
    const isInterrupted = this.#numInterrupts > 1;
    this.#input.close();
    return isInterrupted ? EXIT_CODES.interrupted : EXIT_CODES.ok;
  }

  async #next(): Promise<string | null> {
    const line = await this.#input.next();
    if (line !== null) this.#numInterrupts = 0;
    return line;
  }

  /** Reads a quoted message, up to the closing quotes or the end of the input. */
  async #message(first: string): Promise<string> {
    if (!this.#input.isTerminal || !first.startsWith(QUOTES)) return first;
    let text = first.slice(QUOTES.length);
    while (!text.trimEnd().endsWith(QUOTES)) {
      const line = await this.#next();
      if (line === null) return text;
      text += `\n${line}`;
    }
    return text
      .trimEnd()
      .slice(0, -QUOTES.length)
      .replace(/^\n|\n$/g, "");
  }

  #interrupt(): void {
    this.#numInterrupts++;
    this.#stop?.abort();
    if (this.#numInterrupts > 1) {
      this.#input.close();
    } else if (this.#stop === null) {
      this.#printer.remark("\npress Ctrl-C again to exit");
      this.#input.refresh();
    }
  }

  /** @returns whether a line is a command; in piped input, an unknown command counts as a message */
  #isCommand(line: string): boolean {
    const [word = ""] = line.split(" ");
    if (line.includes("\n")) return false;
    return word.startsWith("/") && (this.#input.isTerminal || COMMANDS.includes(word));
  }

  /** @returns false to exit */
  #obey(line: string): boolean {
    const [command, ...words] = line.trim().split(" ");
    switch (command) {
      case "/exit":
      case "/quit":
      case "/bye":
        return false;
      case "/reset":
      case "/clear":
        this.#session.reset();
        this.#printer.remark("new conversation");
        break;
      case "/system":
        this.#session.reset(words.join(" "));
        this.#printer.remark(
          `new conversation${words.length === 0 ? " without a system prompt" : ""}`,
        );
        break;
      case "/help":
      case "/?":
        this.#printer.remark(HELP);
        break;
      default:
        this.#printer.remark(unknownText(command));
    }
    return true;
  }

  /** Sends a message and prints the answer. A failure ends the command, except on a terminal. */
  async #answer(line: string): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const answer = this.#session.send(line, stop.signal);
      const printed = await this.#printer.print(answer, true);
      this.#printer.remark(stop.signal.aborted ? "stopped" : printed.speed);
      // After an abort, the server's finish reason is expected.
      if (!stop.signal.aborted) logEnd(printed, this.#log);
    } catch (cause) {
      const error = this.#withHint(cause);
      if (stop.signal.aborted) this.#printer.remark("stopped");
      else if (this.#input.isTerminal && error instanceof ConfigError) this.#log(error.message);
      else throw error;
    } finally {
      this.#stop = null;
    }
  }

  /**
   * Adds a hint if the conversation has filled the context, since further messages would fail too.
   */
  #withHint(error: unknown): unknown {
    const isFull = error instanceof ConfigError && error.code === "context_full";
    if (!isFull || !this.#session.hasAnswers) return error;
    const hint = "the conversation is too long; /reset starts a new one";
    return new ConfigError(error.code, `${error.message}\n${hint}`, { cause: error });
  }
}
