// Amounts as people read them: bytes in powers of 1024 with at most four characters, rates, times left.

const UNITS = ['B', 'K', 'M', 'G', 'T', 'P', 'E'];

/** `0B`, `512B`, `2.9M`, `252G`: as `ls -lh` of sftp(1) has them. */
export function scaled(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would be rounded up to 1024.0.
  while (unit < UNITS.length - 1 && value >= 1023.95) {
    value /= 1024;
    unit++;
  }
  const text = unit > 0 && value < 99.95 ? value.toFixed(1) : String(Math.round(value));
  return text + UNITS[unit];
}

/** `1234`, `56KB`, `2.9MB`: for a progress line. */
export function size(bytes: number): string {
  const text = scaled(bytes);
  return text.endsWith('B') ? text.slice(0, -1) : `${text}B`;
}

/** `2.9MB/s`. */
export function rate(bytesPerSecond: number): string {
  const text = scaled(Math.max(0, bytesPerSecond));
  return `${text.endsWith('B') ? text : `${text}B`}/s`;
}

/** `05:07`, `1:05:07`, `2d03h`. */
export function time(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (whole < 3_600) return `${two(whole / 60)}:${two(whole % 60)}`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}:${two((whole % 3_600) / 60)}:${two(whole % 60)}`;
  return `${Math.floor(whole / 86_400)}d${two((whole % 86_400) / 3_600)}h`;
}
