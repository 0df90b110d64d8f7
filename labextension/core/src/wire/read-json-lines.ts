/** Reads an answer that comes line by line. */

/** Parses each line of a response as JSON when it has arrived, and passes it on. */
export async function readJsonLines<T>(response: Response, onLine: (line: T) => void): Promise<void> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    const lines = (rest + decoder.decode(part.value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    lines.filter(line => line !== '').forEach(line => onLine(JSON.parse(line) as T));
  }
}
