// `chat`: a conversation at the terminal, or a line and an answer where input is piped in.

import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { ChatSession } from "../client/chat-session.ts";
import { ConfigError } from "../errors.ts";
import { LineInput } from "../runtime/line-input.ts";
import { AnswerPrinter } from "./answer-printer.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connection.ts";
import { generationFields } from "./generation-fields.ts";

const HELP = `/reset          begin anew
/system <text>  begin anew, with this told to the model first
/help           this
/exit           leave; so does Ctrl-D. Ctrl-C stops an answer, twice leaves`;

export async function run(context: CommandContext): Promise<ExitCode> {
  const options = parseOptions("chat", context.sources, context.warn);
  const { client, modelName, close } = await connect("chat", options, context);
  const fields = generationFields(options, modelName);
  const session = new ChatSession({ client, fields, systemPrompt: options["system-prompt"] });
  const printer = new AnswerPrinter(context.sources.env);
  try {
    if (options.quick === "") return await new Conversation(session, printer, context.log).run();
    await printer.print(session.send(options.quick), true);
    return EXIT_CODES.ok;
  } finally {
    await close();
  }
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
      if (line.startsWith("/")) {
        if (!this.#obey(line)) break;
      } else if (line.trim() !== "") {
        await this.#answer(line);
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

  /** @returns false to leave */
  #obey(line: string): boolean {
    const [command, ...words] = line.trim().split(" ");
    switch (command) {
      case "/exit":
      case "/bye":
        return false;
      case "/reset":
        this.#session.reset();
        break;
      case "/system":
        this.#session.reset(words.join(" "));
        break;
      default:
        this.#printer.remark(command === "/help" ? HELP : `there is no ${command}\n${HELP}`);
    }
    return true;
  }

  /** Without anybody at the terminal, a failure ends it all. */
  async #answer(line: string): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const speed = await this.#printer.print(this.#session.send(line, stop.signal), true);
      this.#printer.remark(stop.signal.aborted ? "stopped" : speed);
    } catch (error) {
      if (stop.signal.aborted) this.#printer.remark("stopped");
      else if (this.#input.isTerminal && error instanceof ConfigError) this.#log(error.message);
      else throw error;
    } finally {
      this.#stop = null;
    }
  }
}
