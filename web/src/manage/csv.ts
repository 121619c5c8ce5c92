// Tables as files that a spreadsheet opens.

export type Cell = string | number | undefined;

/**
 * toCSV writes rows by RFC 4180, with a byte order mark so that spreadsheets read UTF-8. Text that a spreadsheet would
 * take for a formula is put behind an apostrophe: titles come from people.
 */
export function toCSV(rows: readonly (readonly Cell[])[]): string {
  return '\ufeff' + rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

function cell(value: Cell): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** decimal writes minor units as a file wants them: 2905 EUR is 29.05, whatever the reader's language. */
export function decimal(minor: number, currency: string): string {
  const digits =
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const sign = minor < 0 ? '-' : '';
  const text = String(Math.abs(minor)).padStart(digits + 1, '0');
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** fileName makes of a title what every file system takes. */
export function fileName(title: string, ending: string): string {
  const plain = title
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  return `${plain.slice(0, 60) || 'hawker'}.${ending}`;
}

export function download(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function downloadCSV(name: string, rows: readonly (readonly Cell[])[]): void {
  download(name, new Blob([toCSV(rows)], { type: 'text/csv;charset=utf-8' }));
}
