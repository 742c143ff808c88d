/** A stream that keeps what is written to it. */
import type { Sink } from './output.ts'

export class Collector implements Sink {
  text = ''

  write(text: string): void {
    this.text += text
  }
}
