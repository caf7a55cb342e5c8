// CSV by RFC 4180: comma, CRLF, quotes doubled. Values go out exactly as they are: a value that begins with = + - or @ is not
// changed, since the reader may be a program. Who opens it in a spreadsheet should import the columns as text.

export type Cell = string | number | null;

export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
