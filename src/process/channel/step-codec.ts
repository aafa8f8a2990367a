// Encodes a step's outputs. This is by far the most frequent message, so its fields have a fixed order and no
// names.

import type { MessagePart } from "../../protocol/message-part.ts";
import type {
  EngineOutputs,
  PredictionTokens,
  PromptProgress,
  RequestOutput,
} from "../../protocol/protocol.ts";
import type {
  AdapterStats,
  BlockEviction,
  RequestTimeline,
  SchedulerStats,
  SpecDecodeStats,
} from "../../protocol/stats.ts";
import type { DecodedLogprob, PositionLogprobs } from "../../request/logprobs.ts";
import { FINISH_REASONS, type FinishReason } from "../../request/request-status.ts";
import { type ByteReader, type ByteWriter, ChannelError } from "./bytes.ts";

const ABSENT = 0;
const PRESENT = 1;
const STOP_TOKEN = 2;
const PART_KINDS = ["text", "reasoning", "tool_call", "arguments"] as const;

export function writeOutputs(writer: ByteWriter, message: EngineOutputs): void {
  writer.f64(message.timestampS);
  writeStats(writer, message.stats);
  writer.u32(message.outputs.length);
  for (const output of message.outputs) writeOutput(writer, output);
}

/** @throws ChannelError */
export function readOutputs(reader: ByteReader): EngineOutputs {
  const timestampS = reader.f64();
  const stats = readStats(reader);
  const outputs = readList(reader, readOutput);
  return { timestampS, outputs, stats };
}

function writeStats(writer: ByteWriter, stats: SchedulerStats): void {
  writer.u32(stats.numRunningReqs);
  writer.u32(stats.numWaitingReqs);
  writer.u32(stats.numDeferredReqs);
  writer.f64(stats.kvCacheUsage);
  writer.f64(stats.prefixCache.requests);
  writer.f64(stats.prefixCache.queries);
  writer.f64(stats.prefixCache.hits);
  writer.u32(stats.numPreemptedReqs);
  writer.u32(stats.numScheduledTokens);
  writer.f64(stats.forwardMs);
  writer.f64(stats.samplingMs);
  writer.u32(stats.blockEvictions.length);
  for (const { lifetimeS, idleS, reuseGapsS } of stats.blockEvictions) {
    writer.f64(lifetimeS);
    writer.f64(idleS);
    writer.floats(reuseGapsS);
  }
  writeSpecDecode(writer, stats.specDecode);
  writeAdapters(writer, stats.adapters);
}

function writeAdapters(writer: ByteWriter, stats: AdapterStats | null): void {
  writer.u8(stats === null ? ABSENT : PRESENT);
  if (stats === null) return;
  writeNames(writer, stats.running);
  writeNames(writer, stats.waiting);
}

function writeNames(writer: ByteWriter, names: readonly string[]): void {
  writer.u32(names.length);
  for (const name of names) writer.text(name);
}

function readAdapters(reader: ByteReader): AdapterStats | null {
  if (reader.u8() === ABSENT) return null;
  const readName = () => reader.text();
  return { running: readList(reader, readName), waiting: readList(reader, readName) };
}

function writeSpecDecode(writer: ByteWriter, stats: SpecDecodeStats | null): void {
  writer.u8(stats === null ? ABSENT : PRESENT);
  if (stats === null) return;
  writer.u32(stats.numDrafts);
  writer.u32(stats.numDraftTokens);
  writer.u32(stats.numAcceptedTokens);
  writer.ints(stats.acceptedPerPos);
}

function readSpecDecode(reader: ByteReader): SpecDecodeStats | null {
  if (reader.u8() === ABSENT) return null;
  return {
    numDrafts: reader.u32(),
    numDraftTokens: reader.u32(),
    numAcceptedTokens: reader.u32(),
    acceptedPerPos: Array.from(reader.ints()),
  };
}

function readStats(reader: ByteReader): SchedulerStats {
  return {
    numRunningReqs: reader.u32(),
    numWaitingReqs: reader.u32(),
    numDeferredReqs: reader.u32(),
    kvCacheUsage: reader.f64(),
    prefixCache: { requests: reader.f64(), queries: reader.f64(), hits: reader.f64() },
    numPreemptedReqs: reader.u32(),
    numScheduledTokens: reader.u32(),
    forwardMs: reader.f64(),
    samplingMs: reader.f64(),
    blockEvictions: readList(reader, readEviction),
    specDecode: readSpecDecode(reader),
    adapters: readAdapters(reader),
  };
}

function readEviction(reader: ByteReader): BlockEviction {
  return { lifetimeS: reader.f64(), idleS: reader.f64(), reuseGapsS: reader.floats() };
}

function writeOutput(writer: ByteWriter, output: RequestOutput): void {
  writer.text(output.requestId);
  writer.text(output.text);
  writeParts(writer, output.parts);
  writer.u32(output.numReasoningTokens);
  writePredictionTokens(writer, output.predictionTokens);
  writeProgress(writer, output.promptProgress);
  writer.ints(output.tokenIds);
  writer.floats(output.tokenTimesS);
  writePositions(writer, output.logprobs);
  writePositions(writer, output.promptLogprobs);
  writer.u8(output.finishReason === null ? 0 : 1 + FINISH_REASONS.indexOf(output.finishReason));
  writeStopReason(writer, output.stopReason);
  writer.u32(output.numPromptTokens);
  writer.u32(output.numCachedTokens);
  writer.u32(output.numPreemptions);
  writer.u8(output.isCorrupted ? PRESENT : ABSENT);
  writeTimeline(writer, output.timeline);
}

function writePredictionTokens(writer: ByteWriter, tokens: PredictionTokens | null): void {
  writer.u8(tokens === null ? ABSENT : PRESENT);
  if (tokens === null) return;
  writer.u32(tokens.numAccepted);
  writer.u32(tokens.numRejected);
}

function readPredictionTokens(reader: ByteReader): PredictionTokens | null {
  if (reader.u8() === ABSENT) return null;
  return { numAccepted: reader.u32(), numRejected: reader.u32() };
}

function readOutput(reader: ByteReader): RequestOutput {
  return {
    requestId: reader.text(),
    text: reader.text(),
    parts: readParts(reader),
    numReasoningTokens: reader.u32(),
    predictionTokens: readPredictionTokens(reader),
    promptProgress: readProgress(reader),
    tokenIds: Array.from(reader.ints()),
    tokenTimesS: reader.floats(),
    logprobs: readPositions(reader),
    promptLogprobs: readPositions(reader),
    finishReason: readFinishReason(reader),
    stopReason: readStopReason(reader),
    numPromptTokens: reader.u32(),
    numCachedTokens: reader.u32(),
    numPreemptions: reader.u32(),
    isCorrupted: reader.u8() === PRESENT,
    timeline: readTimeline(reader),
  };
}

function writeProgress(writer: ByteWriter, progress: PromptProgress | null): void {
  writer.u8(progress === null ? ABSENT : PRESENT);
  if (progress === null) return;
  writer.u32(progress.numComputedTokens);
  writer.f64(progress.elapsedS);
}

function readProgress(reader: ByteReader): PromptProgress | null {
  if (reader.u8() === ABSENT) return null;
  return { numComputedTokens: reader.u32(), elapsedS: reader.f64() };
}

function writeParts(writer: ByteWriter, parts: readonly MessagePart[] | null): void {
  writer.u8(parts === null ? ABSENT : PRESENT);
  if (parts === null) return;
  writer.u32(parts.length);
  for (const part of parts) {
    writer.u8(PART_KINDS.indexOf(part.kind));
    writer.u32("index" in part ? part.index : 0);
    writer.text(part.kind === "tool_call" ? part.name : part.text);
  }
}

function readParts(reader: ByteReader): MessagePart[] | null {
  return reader.u8() === ABSENT ? null : readList(reader, readPart);
}

function readPart(reader: ByteReader): MessagePart {
  const kind = PART_KINDS[reader.u8()];
  const index = reader.u32();
  const text = reader.text();
  if (kind === undefined) throw new ChannelError("a message has a part of unknown kind");
  if (kind === "tool_call") return { kind, index, name: text };
  return kind === "arguments" ? { kind, index, text } : { kind, text };
}

function readFinishReason(reader: ByteReader): FinishReason | null {
  const index = reader.u8();
  if (index === ABSENT) return null;
  const reason = FINISH_REASONS[index - 1];
  if (reason === undefined) throw new ChannelError("a message has an unknown finish reason");
  return reason;
}

function writeStopReason(writer: ByteWriter, reason: string | number | null): void {
  if (reason === null) writer.u8(ABSENT);
  else if (typeof reason === "string") {
    writer.u8(PRESENT);
    writer.text(reason);
  } else {
    writer.u8(STOP_TOKEN);
    writer.i32(reason);
  }
}

function readStopReason(reader: ByteReader): string | number | null {
  const kind = reader.u8();
  if (kind === ABSENT) return null;
  return kind === STOP_TOKEN ? reader.i32() : reader.text();
}

/** Writes a timeline, with NaN for events that have not happened. */
function writeTimeline(writer: ByteWriter, timeline: RequestTimeline): void {
  writer.f64(timeline.queuedS);
  writer.f64(timeline.scheduledS ?? Number.NaN);
  writer.f64(timeline.firstTokenS ?? Number.NaN);
  writer.f64(timeline.lastTokenS ?? Number.NaN);
}

function readTimeline(reader: ByteReader): RequestTimeline {
  return {
    queuedS: reader.f64(),
    scheduledS: timestampOf(reader.f64()),
    firstTokenS: timestampOf(reader.f64()),
    lastTokenS: timestampOf(reader.f64()),
  };
}

function timestampOf(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function writePositions(
  writer: ByteWriter,
  positions: readonly PositionLogprobs<DecodedLogprob>[] | null,
): void {
  writer.u8(positions === null ? ABSENT : PRESENT);
  if (positions === null) return;
  writer.u32(positions.length);
  for (const { chosen, top } of positions) {
    writeLogprob(writer, chosen);
    writer.u32(top.length);
    for (const entry of top) writeLogprob(writer, entry);
  }
}

function readPositions(reader: ByteReader): PositionLogprobs<DecodedLogprob>[] | null {
  return reader.u8() === ABSENT ? null : readList(reader, readPosition);
}

function readPosition(reader: ByteReader): PositionLogprobs<DecodedLogprob> {
  return { chosen: readLogprob(reader), top: readList(reader, readLogprob) };
}

function writeLogprob(writer: ByteWriter, entry: DecodedLogprob): void {
  writer.i32(entry.tokenId);
  writer.f64(entry.logprob);
  writer.i32(entry.rank);
  writer.bytes(entry.bytes);
}

function readLogprob(reader: ByteReader): DecodedLogprob {
  return {
    tokenId: reader.i32(),
    logprob: reader.f64(),
    rank: reader.i32(),
    bytes: reader.bytes(),
  };
}

function readList<T>(reader: ByteReader, readItem: (reader: ByteReader) => T): T[] {
  return Array.from({ length: reader.count(1) }, () => readItem(reader));
}
