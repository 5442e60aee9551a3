// Keeps the sheets that have been opened, so that they open while the station restarts. Nothing else: a page that was read
// and is not current any more would be worse than none.
"use strict";
const SHELF = "desk-1", KEPT = ["/assets/desk.css", "/assets/desk.js", "/assets/icon.svg"];
self.addEventListener("install", (event) => event.waitUntil(caches.open(SHELF).then((shelf) => shelf.addAll(KEPT)).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const to = new URL(event.request.url);
  const keeps = event.request.method === "GET" && to.origin === location.origin && (KEPT.includes(to.pathname) || to.pathname === "/file/report");
  if (!keeps) return;
  event.respondWith(fetch(event.request).then((answer) => {
    if (answer.ok && !answer.redirected) { const copy = answer.clone(); caches.open(SHELF).then((shelf) => shelf.put(event.request, copy)); }
    return answer;
  }).catch(() => caches.match(event.request, { ignoreVary: true, ignoreSearch: true }).then((found) => found || Response.error())));
});
