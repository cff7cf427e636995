// One release: its days and factor, what it changed and why, and what became of every line of CMS's files.
import {el, part} from "./dom.js";
import {facts, releases, releaseNumber} from "./facts.js";
import {load} from "./load.js";
import {addressOf, codeOf} from "./address.js";
import {dollars, grouped, scaledText, plural} from "./numbers.js";
import {fileLink} from "./source.js";
import {table} from "./table.js";
import {days, memberText, whoText} from "./words.js";
import {Trouble} from "./load.js";

const CAUSES = {work: "work RVUs", pe: "practice expense RVUs", mp: "malpractice RVUs", factor: "the conversion factor"};

export async function releasePage(wanted) {
  const label = codeOf(wanted.release);
  const number = releaseNumber(label);
  if (number < 0) throw new Trouble(`This site has no release ${label}. It has ${releases.map((one) => one.label).join(", ")}.`);
  const release = releases[number];
  const told = await load(`data/releases/${label}.json`, release.file);
  const factors = Object.entries(release.printed).map(([who, factor]) => `$${scaledText(factor, 4)}${who === "all" ? "" : ` for ${whoText(who)[0].toLowerCase()}${whoText(who).slice(1)}`}`);
  return {
    title: label,
    content: [
      el("header", {class: "head"}, el("h1", {}, label), el("p", {class: "says"}, `${days(release)[0].toUpperCase()}${days(release).slice(1)}. An RVU is ${factors.join(" and ")} by its files.`),
        release.supersedes && el("p", {class: "quiet"}, `It corrects ${release.supersedes}.`),
        release.sample && el("p", {class: "notice"}, "This is a sample: a part of CMS's release."),
        told.missing?.length > 0 && el("p", {class: "notice"}, `Missing from CMS's archive: ${told.missing.map(memberText).join(", ")}.`)),
      changed(told.changes, release),
      part(accounted(told), lines(told), checks(told)),
      part("Its Parquet files", files(told)),
    ],
  };
}

function changed(changes, release) {
  if (!changes) return part("What it changed", el("p", {class: "quiet"}, release.never ? "It was never in force, so it's compared with none." : release.sample ? "It's a sample, and the site has no earlier sample that it could be compared with, or the version has no table code_history." : "There's no release before it that it could be compared with, or the version has no table code_history."));
  const mean = (millionths) => {
    const cents = Math.round(Number(millionths) / 10000 / changes.codes);
    return `${cents < 0 ? "−" : "+"}${dollars(Math.abs(cents))}`;
  };
  const largest = Object.entries(changes.sums).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]))[0][0];
  const code = (one) => el("a", {href: addressOf({code: one})}, one);
  const movers = (rows, title) => rows.length > 0 && el("div", {}, el("h3", {}, title), table(title, [
    {name: "Code", cell: ([one]) => code(one), by: ([one]) => one},
    {name: changes.before, number: true, cell: ([, was]) => dollars(was), by: ([, was]) => was},
    {name: release.label, number: true, cell: ([, , now]) => dollars(now), by: ([, , now]) => now},
    {name: "Change", number: true, cell: ([, was, now]) => `${now < was ? "−" : "+"}${Math.abs((100 * (now - was)) / was).toFixed(1)} %`, by: ([, was, now]) => (now - was) / was},
  ], rows, {sort: {at: 3, down: rows[0][2] > rows[0][1]}}));
  const named = ({count, first}, title) => count > 0 && el("details", {}, el("summary", {}, `${grouped(count)} ${title} ${count === 1 ? "code" : "codes"}`),
    el("p", {}, first.map((one, at) => [at ? ", " : "", code(one)]), count > first.length && ` and ${count - first.length} more`));
  return part(`Against ${changes.before}, ${grouped(changes.up)} of ${grouped(changes.codes)} codes rose and ${grouped(changes.down)} fell, most by ${CAUSES[largest]}`,
    el("dl", {class: "amounts"}, Object.entries(CAUSES).map(([cause, name]) => el("div", {}, el("dt", {}, `On average by ${name}`), el("dd", {}, mean(changes.sums[cause]))))),
    el("p", {class: "quiet"}, "National non-facility amounts of whole services that Medicare prices in both releases and doesn't mark NA, each code once, however often it's billed."),
    movers(changes.rose, "Rose most"), movers(changes.fell, "Fell most"),
    named(changes.new, "new"), named(changes.gone, "vanished"));
}

function accounted(told) {
  const total = told.members.reduce((sum, member) => sum + member.lines, 0);
  return `All ${grouped(total)} lines of CMS's files are accounted for${told.rejects ? `; ${plural(told.rejects, "line")} can't be used` : ""}`;
}

function lines(told) {
  const notData = (member) => Object.values(member.not_data).reduce((a, b) => a + b, 0);
  const number = (name, value) => ({name, number: true, cell: (member) => grouped(value(member)), by: value});
  return table("Lines of each file", [
    {name: "File", cell: (member) => member.file}, number("Lines", (one) => one.lines), number("Not data", notData), number("Published", (one) => one.published),
    number("Merged", (one) => one.merged), number("Rejected", (one) => one.rejected),
  ], told.members);
}

function checks(told) {
  const warned = told.warnings ?? [], different = told.format_differences ?? [];
  return el("div", {},
    el("h3", {}, different.length ? `${plural(different.length, "field")} differ between CMS's formats` : "CMS's formats that were compared agree"),
    different.length > 0 && el("ul", {}, different.map((one) => el("li", {}, `${memberText(one.member)}: ${one.field}, ${plural(one.cells, "cell")} (${one.believed} against ${one.other})${one.explained ? `: ${one.explained}` : ""}`))),
    el("h3", {}, warned.length ? `${plural(warned.length, "check")} warn` : "No check warns"),
    warned.length > 0 && el("ul", {}, warned.map((one) => el("li", {}, `${one.table}: ${one.description} (${plural(one.violations, "time")})`))),
    (told.notices ?? []).map((one) => el("p", {class: "quiet"}, one)));
}

function files(told) {
  return table("Parquet files", [
    {name: "Table", cell: ([name]) => name}, {name: "File", cell: fileLink},
    {name: "Rows", number: true, cell: ([, , , rows]) => grouped(rows), by: ([, , , rows]) => rows},
    {name: "sha256", cell: ([, , hash]) => el("code", {class: "hash"}, hash)},
  ], told.parquet);
}
