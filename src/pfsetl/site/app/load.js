// Data files, each loaded once and looked at by its checksum, so that none that is cut or of another version is shown.
const loaded = new Map();
const embedded = document.getElementById("files");
const inside = embedded && JSON.parse(embedded.textContent);
export const alone = Boolean(embedded);
let crcTable, waited;

export class Trouble extends Error {}

export function load(path, checksum) {
  if (!loaded.has(path)) loaded.set(path, fetched(path, checksum).catch((error) => { loaded.delete(path); throw error; }));
  return loaded.get(path);
}

async function fetched(path, checksum) {
  if (inside) {
    if (!(path in inside)) throw new Trouble("This file holds one code. Open the whole site for others.");
    return inside[path];
  }
  let answer;
  try {
    answer = await fetch(`${path}?${checksum}`);
  } catch {
    throw new Trouble(`${path} can't be reached. Check the connection, then load the page again.`);
  }
  if (!answer.ok) throw new Trouble(`${path}: the server says ${answer.status}. The site lacks a file; make it again.`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (crc32(bytes) !== checksum) {
    throw new Trouble(`${path} isn't the file that this page was made with: it's damaged, or the site has changed since. Load the page again; if that doesn't help, the site has to be made again.`);
  }
  return JSON.parse(new TextDecoder().decode(bytes));
}

function crc32(bytes) {
  crcTable ??= Uint32Array.from({length: 256}, (_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

// The parts of the app that a first view doesn't need: a script of its own on a site, inside the page that is one file.
export function loadMore() {
  waited ??= inside ? Promise.resolve(pfs.more) : new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "more.js";
    script.onload = () => done(pfs.more);
    script.onerror = () => { waited = null; failed(new Trouble("more.js can't be loaded. Load the page again.")); };
    document.head.append(script);
  });
  return waited;
}
