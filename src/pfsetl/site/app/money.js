// What Medicare pays, in cents, exactly: whole numbers, rounded once, half up.
const NONPARTICIPATING = 9500n, LIMITING = 10925n, WHOLE = 10000n;
export const NATION = [1000, 1000, 1000];

export function halfUp(value, unit) {
  return (value + unit / 2n) / unit;
}

// RVUs in hundredths, indices in thousandths, the factor in ten-thousandths of a dollar.
export function amountOf([work, pe, mp], [workIndex, peIndex, mpIndex], factor) {
  const sum = BigInt(work) * BigInt(workIndex) + BigInt(pe) * BigInt(peIndex) + BigInt(mp) * BigInt(mpIndex);
  return halfUp(sum * BigInt(factor), 10000000n);
}

export function shareOf(cents, numerator, denominator) {
  const [top, bottom] = [BigInt(numerator), BigInt(denominator)];
  return (2n * cents * top + bottom) / (2n * bottom);
}

// The price of one row in one place: its amount, the imaging cap, what is paid, and what else follows from it.
export function priceOf(row, setting, indices, factor) {
  const work = row.adjustedWork ?? row.work;
  let amount = amountOf([work, row.pe[setting], row.mp], indices, factor);
  if (row.flag !== 10000) amount = shareOf(amount, row.flag, 10000);
  const cap = row.cap ? amountOf([row.cap.work, row.cap.pe[setting], row.cap.mp], indices, factor) : null;
  const payment = row.reason ? null : cap !== null && cap < amount ? cap : amount;
  return {amount, cap, payment, reason: row.reason, ...beside(payment)};
}

function beside(payment) {
  if (payment === null) return {nonparticipating: null, limiting: null};
  return {
    nonparticipating: halfUp(payment * NONPARTICIPATING, WHOLE),
    limiting: halfUp(payment * LIMITING, WHOLE),
  };
}
