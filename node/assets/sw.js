// Keeps the sheets that have been opened, so that they open while the station restarts. Nothing else: a page that was read
// and is not current any more would be worse than none.
"use strict";
const SHELF = "desk-1", KEPT = ["/assets/desk.css", "/assets/desk.js", "/assets/icon.svg"], SHEET = "/file/report";
const keep = (shelf, request, answer) => { if (answer.ok && !answer.redirected) return shelf.put(request, answer); };
self.addEventListener("install", (event) => event.waitUntil(caches.open(SHELF).then((shelf) => shelf.addAll(KEPT)
  .then(() => fetch(SHEET, { credentials: "same-origin" })).then((answer) => keep(shelf, SHEET, answer))).catch(() => {}).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const to = new URL(event.request.url);
  const keeps = event.request.method === "GET" && to.origin === location.origin && (KEPT.includes(to.pathname) || to.pathname === SHEET);
  if (!keeps) return;
  event.respondWith(fetch(event.request).then((answer) => {
    const copy = answer.clone();
    caches.open(SHELF).then((shelf) => keep(shelf, event.request, copy));
    return answer;
  }).catch(() => caches.match(event.request, { ignoreVary: true, ignoreSearch: true }).then((found) => found || Response.error())));
});
