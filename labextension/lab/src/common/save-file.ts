/** Saves a file among the user's downloads. */
export function saveFile({ file, filename }: { file: Blob; filename: string }): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = filename;
  link.click();
  URL.revokeObjectURL(link.href);
}
