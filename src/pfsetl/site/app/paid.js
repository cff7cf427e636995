// What a service pays: one large amount, what it's made of, and what follows from it.
import {el} from "./dom.js";
import {dollars, scaledText, rvuText} from "./numbers.js";
import {shareOf} from "./money.js";
import {shareOn} from "./facts.js";
import {totalOf} from "./code-data.js";
import {SETTINGS, reasonText, naText} from "./words.js";

// What is said of a Medicare's part that a kind of code has as its own.
const OF_ITS_OWN = {preventive: () => "all of it: a preventive service", mental_health: (row) => row[6]};

export function paid(view) {
  const {row, price, place, asked} = view;
  const where = place ? `in ${place.name} (${place.key})` : "nationally";
  if (price.payment === null) {
    return el("div", {class: "paid"},
      el("p", {class: "large none"}, "No price"),
      el("p", {class: "says"}, reasonText(price.reason)),
      price.amount > 0n && el("p", {class: "quiet"}, `CMS's RVUs would make ${dollars(price.amount)} by the formula; Medicare doesn't pay it.`));
  }
  const nominal = row.na[asked.setting];
  return el("div", {class: "paid"},
    el("p", {class: nominal ? "large nominal" : "large"}, el("data", {id: "payment", value: scaledText(price.payment, 2)}, dollars(price.payment))),
    el("p", {class: "says"}, `Medicare allows ${dollars(price.payment)} for ${view.name} ${SETTINGS[asked.setting]} ${where} on ${asked.date}.`),
    nominal && el("p", {class: "notice"}, `${naText(asked.setting)}.`),
    el("dl", {class: "amounts"}, lines(view).map(([name, value, note]) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, value), note && el("dd", {class: "quiet"}, note)))),
    made(view));
}

function lines({price, asked}) {
  const coinsurance = shareOn("coinsurance", asked.code, asked.date, asked.setting);
  const sequestration = shareOn("sequestration", asked.code, asked.date, asked.setting);
  const medicare = shareOf(price.payment, coinsurance[1], coinsurance[2]);
  const taken = sequestration ? shareOf(medicare, sequestration[1], sequestration[2]) : 0n;
  const found = [["By the formula", dollars(price.amount)]];
  if (price.cap !== null) {
    found.push(["Imaging cap", dollars(price.cap), price.cap < price.amount ? "lower, so it's what is paid" : "not lower"]);
  }
  found.push(
    ["Medicare's part", dollars(medicare), OF_ITS_OWN[coinsurance[5]]?.(coinsurance) ?? null],
    ["Patient's part", dollars(price.payment - medicare), medicare < price.payment ? "after the deductible" : null],
    ["Medicare pays after sequestration", dollars(medicare - taken), sequestration ? `${sequestration[1]} % off Medicare's part` : "none on this day"],
    ["Non-participating", dollars(price.nonparticipating), "95 %"],
    ["Limiting charge", dollars(price.limiting), "115 % of that"]);
  return found;
}

// How the amount is made, in numbers that can be checked by hand.
function made({row, asked, indices, factor, place}) {
  const named = [["work", row.adjustedWork ?? row.work], ["practice expense", row.pe[asked.setting]], ["malpractice", row.mp]];
  const text = named.map(([name, value], at) => place
    ? `${name} ${rvuText(value)} × ${scaledText(indices[at], 3)}`
    : `${name} ${rvuText(value)}`).join(" + ");
  const sum = place ? `(${text})` : `(${text} = ${rvuText(totalOf(row, asked.setting))} RVU)`;
  return el("p", {class: "quiet"}, `${sum} × ${scaledText(factor.factor, 4)} dollars, rounded once, half up`,
    row.flag !== 10000 && `; by law × ${scaledText(row.flag, 4)}`, ".",
    factor.certainty !== "certain" && ` The factor is ${factor.certainty}.`);
}
