// Where every number comes from: release, file, line, the hashes, the Parquet file, and how to cite it.
import {el} from "./dom.js";
import {facts} from "./facts.js";
import {days} from "./words.js";
import {load} from "./load.js";
import {prefixIn} from "./code-data.js";
import {copy} from "./table.js";

export async function source({release, asked, participant}) {
  const told = await load(`data/releases/${release.label}.json`, release.file);
  const prefix = prefixIn(told.lines, asked.code);
  const lines = prefix && await load(`data/lines/${release.label}/${prefix}.json`, told.lines[prefix]);
  const line = lines?.codes[asked.code]?.[participant]?.[asked.modifier];
  const file = lines?.files[participant];
  const member = told.members.find((one) => one.file === file);
  const published = told.parquet.find(([name]) => name === "rvu");
  const [archive, sha256, url] = release.archive;
  const cited = `${asked.code}, CMS Physician Fee Schedule ${release.label} (${archive}, sha256 ${sha256}), ${file ?? "RVU file"} line ${line ?? "?"}; version ${facts.version}, pfsetl ${facts.pfsetl}.`;
  const copied = el("button", {type: "button", class: "small", onclick: async () => { await copy(cited); copied.textContent = "Copied"; }}, "Copy the citation");
  return el("dl", {class: "facts"},
    row("Release", `${release.label}, ${days(release)}; revision ${release.revision}`, release.sample && " (a sample: part of a release)"),
    row("CMS's archive", url ? el("a", {href: url, rel: "noreferrer"}, archive) : archive, hash(sha256)),
    row("File and line", line ? `${file}, line ${line}` : "not known", member && hash(member.sha256)),
    row("Published as", fileLink(published), ` of version ${facts.version}`, hash(published[2])),
    row("The version's manifest", hash(facts.sha256)),
    row("To cite", cited, " ", copied));
}

// A Parquet file of the version, to be downloaded where the site knows its address.
export function fileLink([, shown, , , , path]) {
  return facts.parquet ? el("a", {href: `${facts.parquet}/${path}`, download: shown.replace("/", "-")}, shown) : shown;
}

function row(name, ...values) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, values));
}

function hash(text) {
  return el("code", {class: "hash"}, ` sha256 ${text}`);
}
