// The page: which part is shown follows from its address, and from nothing else.

import { filterAddress, readAddress, sampleAddress } from "preview/address.js";
import { Gallery } from "preview/gallery.js";
import { loadSample } from "preview/sample_data.js";
import { startTheme } from "preview/theme.js";
import { Viewer } from "preview/viewer.js";

const find = (id) => document.getElementById(id);
const data = JSON.parse(find("page-data").textContent);
const cards = new Map(data.cards.map((card) => [card.key, card]));
const name = document.title;
const gallery = new Gallery(find("photos-part"), data, {
  onFilter: (filter, text) => {
    const address = filterAddress(filter);
    if (readAddress(location.hash).view === "photos" && location.hash !== address) history.replaceState(null, "", address);
    announce(text);
  },
});
const viewer = new Viewer(find("sample-part"), {
  onLens: (key, lens) => {
    const address = sampleAddress(key, lens);
    if (location.hash !== address) history.replaceState(null, "", address); // sliding leaves no trail of pages
  },
  onLeave: () => (location.hash = "#photos"),
  onStep: (by) => step(by),
  say: announce,
});

let opened = null; // key of the sample that is shown
let lastKey = null;
let returned = false;
let routed = false; // to photos or report, at least once

async function route() {
  const address = readAddress(location.hash);
  if (address.view === "sample" && !cards.has(address.key)) {
    say(`This page has no sample ${address.key}.`);
    return show("photos");
  }
  if (address.view === "sample") return openSample(address);
  say("");
  returned = opened !== null;
  opened = null;
  viewer.close();
  if (address.view === "photos") {
    // back from a sample or the report the filter stays as it was left
    const names = Object.values(address.filter).some(Boolean);
    if (names || !routed) gallery.set(address.filter);
    else history.replaceState(null, "", filterAddress(gallery.filterNow));
  }
  routed = true;
  show(address.view);
  if (address.view === "photos" && returned) gallery.focus(lastKey);
}

async function openSample({ key, lens }) {
  say("");
  if (opened === key) {
    if (lens && viewer.content) viewer.set(viewer.known(lens), { atFocus: true });
    return;
  }
  opened = lastKey = key;
  try {
    const content = await loadSample(key, data.linked);
    if (opened !== key) return; // left meanwhile
    show("sample");
    steps(key);
    viewer.open(content, cards.get(key), lens, data.meanings);
    document.title = `${cards.get(key).name} · ${name}`;
    scrollTo(0, 0);
  } catch (error) {
    opened = null;
    show("photos");
    say(`Sample ${key} cannot be shown: ${error.message}`);
  }
}

function show(part) {
  for (const name of ["photos", "sample", "report"]) find(`${name}-part`).hidden = name !== part;
  mark("to-photos", part !== "report");
  mark("to-report", part === "report");
  document.body.dataset.part = part;
  document.title = part === "report" ? `Report · ${name}` : name;
}

function mark(id, current) {
  if (current) find(id).setAttribute("aria-current", "page");
  else find(id).removeAttribute("aria-current");
}

/** The photos before and after, among those that the filter lets through. */
function neighbor(key, by) {
  const keys = gallery.shownKeys.includes(key) ? gallery.shownKeys : [...cards.keys()];
  return keys[keys.indexOf(key) + by];
}

function steps(key) {
  for (const [id, by] of [["previous", -1], ["next", 1]]) {
    const other = neighbor(key, by);
    find(id).href = other ? sampleAddress(other) : "#photos";
    find(id).classList.toggle("off", !other);
    find(id).tabIndex = other ? 0 : -1;
  }
}

function step(by) {
  const other = opened && neighbor(opened, by);
  if (other) location.hash = sampleAddress(other);
}

/** For those who cannot see it: the page's one live region. */
function announce(text) {
  find("said").textContent = text;
}

function say(text) {
  find("notice").textContent = text;
  find("notice").hidden = !text;
  announce(text);
}

startTheme(find("theme"));
addEventListener("hashchange", route);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // its `#main` is no address of a part
  find("main").focus();
});
route().then(() => (document.documentElement.dataset.ready = "yes"));
