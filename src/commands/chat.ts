// `chat`: a conversation at the terminal, or a line and an answer where input is piped in.

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
/system <text>  the same, with this as its system prompt
/help           show this
/exit           leave; so does Ctrl-D. Ctrl-C stops an answer, twice it leaves
"""             begin a message of several lines, and end it
Text that is pasted is one message, with all its lines.`;

/** Around a message of several lines, as in Ollama. */
const QUOTES = '"""';

const unknownText = (command = "") =>
  `there is no ${command}; with a space before it, it is a message\n${HELP}`;

/** Of an answer that the model would have gone on with. */
const CUT_OFF = "cut off by --max-tokens, or at the end of the model's context";

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
    tellEnd(await printer.print(session.send(question), true), context.log);
    return EXIT_CODES.ok;
  } finally {
    await close();
  }
}

function tellEnd({ isCut, otherEnd }: PrintedAnswer, log: (line: string) => void): void {
  if (isCut) log(CUT_OFF);
  if (otherEnd !== null) log(endedByServer(otherEnd));
}

/** Takes a question for what it is. @throws ConfigError "invalid_option" */
function checkModel(name: string): void {
  if (!/\s/.test(name) || /\.gguf$/i.test(name)) return;
  const message = `chat: the first word names a model; -q sends one message: chat -q "${name}"`;
  throw new ConfigError("invalid_option", message);
}

/** A variable that is empty in a script would open a conversation. @throws ConfigError "missing_option" */
function checkMessage(quick: string, sources: OptionSources): void {
  if (quick.trim() !== "" || !typedOptions("chat", sources).includes("quick")) return;
  throw new ConfigError("missing_option", "chat: the message of -q is empty");
}

/** Lines in, answers out, until the input ends. */
class Conversation {
  readonly #session: ChatSession;
  readonly #printer: AnswerPrinter;
  readonly #log: (line: string) => void;
  readonly #input = new LineInput("> ");
  /** Ends the answer in progress. */
  #stop: AbortController | null = null;
  /** Ctrl-C since the last line. */
  #numInterrupts = 0;

  constructor(session: ChatSession, printer: AnswerPrinter, log: (line: string) => void) {
    this.#session = session;
    this.#printer = printer;
    this.#log = log;
  }

  async run(): Promise<ExitCode> {
    if (this.#input.isTerminal) this.#printer.remark("/help tells what else there is");
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

  /** A quoted message has all lines to the second quotes, or to the end of the input. */
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
      this.#printer.remark("\nCtrl-C again leaves");
      this.#input.refresh();
    }
  }

  /** Nobody reads about a command that there is not in a file: such a line is a message there. */
  #isCommand(line: string): boolean {
    const [word = ""] = line.split(" ");
    if (line.includes("\n")) return false;
    return word.startsWith("/") && (this.#input.isTerminal || COMMANDS.includes(word));
  }

  /** @returns false to leave */
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
        this.#printer.remark("a new conversation");
        break;
      case "/system":
        this.#session.reset(words.join(" "));
        this.#printer.remark(
          `a new conversation${words.length === 0 ? ", without a system prompt" : ""}`,
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

  /** Without anybody at the terminal, a failure ends it all. */
  async #answer(line: string): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const answer = this.#session.send(line, stop.signal);
      const printed = await this.#printer.print(answer, true);
      this.#printer.remark(stop.signal.aborted ? "stopped" : printed.speed);
      // A server that has ended the answer was told to.
      if (!stop.signal.aborted) tellEnd(printed, this.#log);
    } catch (cause) {
      const error = this.#withHint(cause);
      if (stop.signal.aborted) this.#printer.remark("stopped");
      else if (this.#input.isTerminal && error instanceof ConfigError) this.#log(error.message);
      else throw error;
    } finally {
      this.#stop = null;
    }
  }

  /** A conversation that has filled the context ends with each further message. */
  #withHint(error: unknown): unknown {
    const isFull = error instanceof ConfigError && error.code === "context_full";
    if (!isFull || !this.#session.hasAnswers) return error;
    const hint = "the conversation is too long; /reset begins a new one";
    return new ConfigError(error.code, `${error.message}\n${hint}`, { cause: error });
  }
}
