// Walks a GGUF file's header, for tests that copy a file with changes.

/** Sizes of GGUF's scalar value types by number; 8 = string, 9 = array. */
const SCALAR_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

const ALIGNMENT = 32;

/** @returns a size rounded up to the alignment of tensor data */
export const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export class GgufReader {
  readonly view: DataView;
  at = 0;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  u64(): number {
    this.at += 8;
    return Number(this.view.getBigUint64(this.at - 8, true));
  }

  string(): string {
    const length = this.u64();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  skipValue(type: number): void {
    if (type === 8) {
      const length = this.u64();
      this.at += length;
    } else if (type === 9) {
      const of = this.u32();
      const count = this.u64();
      for (let i = 0; i < count; i++) this.skipValue(of);
    } else {
      this.at += SCALAR_BYTES[type] ?? 0;
    }
  }
}
