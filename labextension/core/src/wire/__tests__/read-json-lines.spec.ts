import { expect, it } from 'vitest';

import { readJsonLines } from '../read-json-lines';

it('passes on each line when it has arrived, also where a letter or a line is cut', async () => {
  const bytes = new TextEncoder().encode('{"text":"läuft"}\n{"text":"ended"}\n');
  const parts = [bytes.slice(0, 11), bytes.slice(11, 25), bytes.slice(25)];
  const body = new ReadableStream<Uint8Array>({
    pull: controller => {
      const part = parts.shift();
      return part ? controller.enqueue(part) : controller.close();
    }
  });
  const lines: unknown[] = [];
  await readJsonLines(new Response(body), line => lines.push(line));
  expect(lines).toEqual([{ text: 'läuft' }, { text: 'ended' }]);
});
