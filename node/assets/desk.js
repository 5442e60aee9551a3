// What a page does by itself. Every page works without it.
"use strict";
(() => {
const body = document.body, say = (name) => body.getAttribute("data-say-" + name) || "";
const $ = (id) => document.getElementById(id);
const all = (what, from) => Array.from((from || document).querySelectorAll(what));
const keep = (work) => { try { return work(); } catch (_) { return null; } };

// ---- live: the parts of the page, sent again when they change; and how old all of it is
let beat = Date.now(), skew = 0, lost = false;
const busy = (part) => part.contains(document.activeElement) && /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName);
function swap(data) {
  const old = $(data.id);
  if (!old || busy(old)) return;
  const made = new DOMParser().parseFromString(data.html, "text/html").body.firstElementChild;
  if (!made || made.isEqualNode(old)) return;
  const rows = all("tbody tr", old), at = rows.findIndex((row) => row.classList.contains("at"));
  const focus = document.activeElement && old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  old.replaceWith(document.importNode(made, true));
  if (at >= 0) { const now = all("tbody tr", $(data.id))[at]; if (now) now.classList.add("at"); }
  if (focus) { const link = all("a[href]", $(data.id)).find((one) => one.getAttribute("href") === focus); if (link) link.focus(); }
  tick(); alarm();
}
let stream = null;
function listen() {
  if (!body.hasAttribute("data-view") || !window.EventSource) return;
  stream = new EventSource("/events?view=" + body.getAttribute("data-view"));
  stream.addEventListener("part", (event) => swap(JSON.parse(event.data)));
  stream.addEventListener("beat", (event) => { beat = Date.now(); skew = Number(event.data) - beat; lost = false; tick(); });
  stream.addEventListener("resync", () => location.reload());
  stream.addEventListener("leave", () => { stream.close(); location.reload(); });
  stream.onerror = () => { lost = true; tick(); if (stream.readyState === 2) setTimeout(listen, 2000); };
}
const two = (n) => String(n).padStart(2, "0");
function tick() {
  const now = Date.now(), age = Math.max(0, Math.round((now - beat) / 1000));
  const root = document.documentElement, dead = lost || age > 15;
  root.classList.toggle("stale", age > 3 && !dead);
  root.classList.toggle("dead", dead);
  const word = dead ? say("gone") : age > 3 ? say("late") : say("live");
  all("[data-age]").forEach((one) => {
    one.querySelector(".dot").textContent = dead ? "○" : age > 3 ? "▲" : "●";
    one.querySelector(".say").textContent = word + " · " + say("ago").replace("%", age);
  });
  all("[data-clock]").forEach((one) => {
    const at = new Date(now + skew + 8 * 3600e3);
    one.textContent = two(at.getUTCHours()) + ":" + two(at.getUTCMinutes()) + ":" + two(at.getUTCSeconds());
  });
  // A square whose source is silent for a minute turns grey by itself, the stream alive or dead.
  all("[data-heard]").forEach((one) => {
    const heard = Number(one.getAttribute("data-heard")) || beat + skew;
    one.classList.toggle("old", now + skew - heard > 60e3);
  });
}

// ---- alarms: three tones, made here; red rings until somebody answers
let sound = null, answered = "", ringing = 0;
function tone(at, pitch) {
  const voice = sound.createOscillator(), loud = sound.createGain();
  voice.frequency.value = pitch; voice.connect(loud); loud.connect(sound.destination);
  loud.gain.setValueAtTime(0.0001, at); loud.gain.exponentialRampToValueAtTime(0.3, at + 0.03);
  loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.28); voice.start(at); voice.stop(at + 0.3);
}
function ring(red) {
  if (!sound || sound.state !== "running") return;
  const now = sound.currentTime, pitches = red ? [880, 660, 880] : [520];
  pitches.forEach((pitch, n) => tone(now + n * 0.3, pitch));
}
let before = "";
function alarm() {
  const reds = all("[data-alarm=red]").map((one) => one.textContent).join(" · ");
  const any = all("[data-alarm]").map((one) => one.textContent).join(" · ");
  if (reds && reds !== before) $("urgent").textContent = reds;
  if (any !== before && any && !reds) ring(false);
  before = reds || any;
  all("[data-mute]").forEach((one) => { one.hidden = !!(sound && sound.state === "running"); });
}
setInterval(() => {
  const reds = all("[data-alarm=red]").map((one) => one.textContent).join(" · ");
  if (!reds) { answered = ""; return; }
  if (reds !== answered && ++ringing % 3 === 0) ring(true);
}, 1000);
function unlock() {
  if (!sound && window.AudioContext) sound = new AudioContext();
  if (sound && sound.state !== "running") sound.resume().then(alarm, () => {});
}
document.addEventListener("click", unlock); document.addEventListener("keydown", unlock);

// ---- keys; those of one letter may be turned off
all("[data-keys]").forEach((one) => {
  const show = () => { one.textContent = one.getAttribute(keep(() => localStorage.getItem("keys")) === "off" ? "data-on" : "data-off"); };
  one.parentElement.hidden = false; show();
  one.addEventListener("click", () => { keep(() => localStorage.setItem("keys", localStorage.getItem("keys") === "off" ? "on" : "off")); show(); });
});
let chord = 0;
const typing = (target) => /INPUT|TEXTAREA|SELECT/.test(target.tagName) && !/radio|checkbox/.test(target.type || "");
function move(by) {
  const rows = all("tbody tr").filter((row) => row.querySelector("a"));
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const next = Math.min(rows.length - 1, Math.max(0, at + by));
  rows.forEach((row) => row.classList.remove("at"));
  rows[next].classList.add("at"); rows[next].scrollIntoView({ block: "nearest" }); rows[next].querySelector("a").focus();
}
document.addEventListener("keydown", (event) => {
  const key = event.key;
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest && event.target.closest("form");
    if (form && form.querySelector("[data-submit]")) { event.preventDefault(); form.querySelector("[data-submit]").click(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape" && typing(event.target)) { event.target.blur(); return; }
  if (typing(event.target) || keep(() => localStorage.getItem("keys")) === "off") return;
  const go = (path) => { location.href = path; };
  const letter = key.length === 1 ? key.toUpperCase() : key;
  if (chord && Date.now() - chord < 1500) {
    chord = 0;
    const to = { I: "/inbox", B: "/board", N: "/nil", D: "/duties", S: "/shift", H: "/", L: "/ops/links" }[letter];
    if (to) { event.preventDefault(); go(to); }
    return;
  }
  if (letter === "G") { chord = Date.now(); return; }
  if (letter === "J") move(1);
  else if (letter === "K") move(-1);
  else if (letter === "Enter") { const row = document.querySelector("tr.at a"); if (row && event.target === body) go(row.href); return; }
  else if (letter === "Escape") { history.back(); return; }
  else if (key === "/") go("/search");
  else if (key === "?") go("/help");
  else if (letter === "S") {
    answered = before;
    const form = document.querySelector("#act-sign form");
    if (form) form.querySelector("button").click();
  } else if (/^[1-4]$/.test(key) && document.querySelector("input[name=grade]")) {
    all("input[name=grade]")[Number(key) - 1].checked = true; draft();
  } else {
    const link = document.querySelector('[data-key="' + (window.CSS && CSS.escape ? CSS.escape(letter) : letter) + '"]');
    if (!link) return;
    go(link.href);
  }
  event.preventDefault();
});

// ---- forms: what is written is not lost: draft → outbox in the browser → on the station's disk
const form = document.querySelector("form[data-draft]"), said = document.querySelector("[data-draft-said]");
const DRAFT = "draft ", OUT = "outbox ";
const tell = (text) => { if (said) said.textContent = text; };
const stamp = () => { const at = new Date(Date.now() + skew + 8 * 3600e3); return two(at.getUTCHours()) + ":" + two(at.getUTCMinutes()) + ":" + two(at.getUTCSeconds()); };
const filled = (from) => Array.from(new FormData(from).entries()).filter((pair) => typeof pair[1] === "string");
function draft() {
  if (!form) return;
  const pairs = filled(form).filter((pair) => pair[0][0] !== "_" && pair[1]);
  keep(() => localStorage.setItem(DRAFT + form.getAttribute("data-draft"), JSON.stringify(pairs)));
  tell(say("draft").replace("%", stamp()));
}
function restore() {
  const pairs = keep(() => JSON.parse(localStorage.getItem(DRAFT + form.getAttribute("data-draft"))));
  if (!pairs || document.querySelector("#sheet .note.bad")) return;
  pairs.forEach(([name, value]) => all("[name]", form).filter((one) => one.name === name).forEach((one) => {
    if (one.type === "radio" || one.type === "checkbox") one.checked = one.checked || one.value === value;
    else if (one.type !== "file" && !one.value) one.value = value;
  }));
  if (pairs.length) tell(say("draft").replace("%", ""));
}
function category() {
  const chosen = form && form.querySelector("[name=category]");
  if (!chosen) return;
  all("details[data-of]", form).forEach((one) => { if (one.getAttribute("data-of") === chosen.value) one.open = true; });
}
const kept = () => keep(() => Object.keys(localStorage).filter((key) => key.startsWith(OUT)).sort()) || [];
// A key of its own for each sheet that is filled in: sent twice, it is filed once.
const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");
const me = body.getAttribute("data-who") || "";
const post = (waiting) => fetch(waiting.action, { method: "POST", credentials: "same-origin", redirect: "manual", cache: "no-store",
  headers: { "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded" }, body: waiting.body });
// What was kept in a session that has ended goes out in the next of the same officer, and of nobody else.
async function renew(waiting) {
  const said = new URLSearchParams(waiting.body), about = said.get("_about");
  const page = await fetch(waiting.action + (about ? "?about=" + encodeURIComponent(about) : ""), { credentials: "same-origin", cache: "no-store" });
  if (!page.ok || page.redirected) return false;
  const read = new DOMParser().parseFromString(await page.text(), "text/html");
  const token = read.querySelector("#sheet [name=_token]");
  if (!token || read.body.getAttribute("data-who") !== waiting.who) return false;
  said.set("_token", token.value); waiting.body = said.toString();
  return true;
}
let sending = false;
async function send() {
  if (sending) return;
  sending = true;
  for (const key of kept()) {
    const waiting = keep(() => JSON.parse(localStorage.getItem(key)));
    if (!waiting) { keep(() => localStorage.removeItem(key)); continue; }
    if (waiting.who !== me) continue;
    let answer;
    try {
      answer = await post(waiting);
      if (answer.status === 401 && await renew(waiting)) answer = await post(waiting);
    } catch (_) { break; }
    if (answer.status === 401) { tell(say("login")); break; }
    if (answer.status >= 500 || answer.type === "opaqueredirect") break;
    const told = await answer.json().catch(() => ({}));
    keep(() => localStorage.removeItem(key));
    if (answer.ok) {
      $("said").textContent = say("taken").replace("%", told.number);
      tell(say("taken").replace("%", told.number));
      if (form && waiting.draft === form.getAttribute("data-draft") && waiting.here) { location.href = told.href; return; }
    } else {
      // Refused: back into the form it came from, with the reason.
      keep(() => localStorage.setItem(DRAFT + waiting.draft, JSON.stringify(waiting.pairs)));
      tell([told.error].concat(told.remedy || []).filter(Boolean).join(" "));
      $("urgent").textContent = told.error || "";
    }
  }
  sending = false;
  count();
}
function count() {
  const n = kept().length;
  if (n) tell(say("kept").replace("%", n));
}
if (form) {
  // The page may be one the browser kept: each sheet that is filled in is one of its own.
  const mark = form.querySelector("[name=_key]"); if (mark) mark.value = fresh();
  restore(); category();
  form.addEventListener("input", draft);
  form.addEventListener("change", () => { draft(); category(); });
  all("[data-into]", form).forEach((one) => one.addEventListener("click", () => { $(one.getAttribute("data-into")).value = one.getAttribute("data-value"); draft(); }));
  form.addEventListener("submit", (event) => {
    const files = all("input[type=file]", form).some((one) => one.files.length);
    if (!form.hasAttribute("data-outbox") || files || !window.fetch) { keep(() => localStorage.removeItem(DRAFT + form.getAttribute("data-draft"))); return; }
    event.preventDefault();
    const pairs = filled(form), text = new URLSearchParams(pairs).toString(), name = form.getAttribute("data-draft");
    const order = OUT + String(Date.now()).padStart(16, "0");
    const ok = keep(() => { localStorage.setItem(order, JSON.stringify({ action: form.getAttribute("action"), body: text, who: me, draft: name, here: true, pairs: pairs.filter((pair) => pair[0][0] !== "_") })); return true; });
    if (!ok) { form.removeAttribute("data-outbox"); form.submit(); return; }
    keep(() => localStorage.removeItem(DRAFT + name));
    if (mark) mark.value = fresh();
    send().then(() => { if (kept().includes(order)) { count(); all("[name]", form).forEach((one) => { if (one.tagName === "TEXTAREA") one.value = ""; }); } });
  });
}
// Drafts go with whoever leaves; what was sent and waits stays until it is filed.
all("form[action='/logout']").forEach((one) => one.addEventListener("submit", () => keep(() =>
  Object.keys(localStorage).filter((key) => key.startsWith(DRAFT)).forEach((key) => localStorage.removeItem(key)))));
setInterval(() => { if (kept().length) send(); }, 2000);
if (kept().length) { count(); send(); }

// ---- the wall turns from page to page
const every = Number(body.getAttribute("data-rotate"));
if (every >= 5) setTimeout(() => {
  const round = ["/board", "/nil"], at = round.indexOf(location.pathname);
  location.href = round[(at + 1) % round.length] + "?rotate=" + every;
}, every * 1000);

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});
listen(); tick(); alarm(); setInterval(tick, 1000);
})();
