// Numbers as people read them: cents, hundredths of an RVU, thousandths of an index.
export function grouped(digits) {
  return String(digits).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function scaledText(value, places) {
  const digits = String(value < 0 ? -value : value).padStart(places + 1, "0");
  const text = `${grouped(digits.slice(0, -places))}.${digits.slice(-places)}`;
  return value < 0 ? `−${text}` : text;
}

export function dollars(cents) {
  const text = scaledText(cents, 2);
  return text.startsWith("−") ? `−$${text.slice(1)}` : `$${text}`;
}

export function rvuText(hundredths) {
  return scaledText(hundredths, 2);
}

export function ordinal(number) {
  const last = number % 100 > 10 && number % 100 < 14 ? 0 : number % 10;
  return `${number}${["th", "st", "nd", "rd"][last] ?? "th"}`;
}

export function plural(count, one, many = `${one}s`) {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

export function signed(text, value) {
  return value > 0 ? `+${text}` : text;
}
