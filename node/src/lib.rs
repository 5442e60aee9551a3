//! The station engine all three tiers share: 考区, 省 and 部 run the same code; their place in the tree is data.
//!
//! # The way of a report
//!
//! 1. [`cli`]: `district-node report submit` reads what the officer types and calls the station on its local socket.
//! 2. [`desk::api`]: `Station.File` hands it to the engine and answers only when the engine has.
//! 3. [`plan`]: [`plan::draft`] holds it against the rules (five fields, no request inside, actual or exercise) and
//!    makes a draft of it, or a refusal with a code and a remedy.
//! 4. [`engine::run`] takes everything that is ready, the urgent first; [`engine::Engine::step`] is one turn.
//! 5. [`post::Post::decide`] turns events into facts, reading only. [`post::outgoing`] numbers the envelopes in their
//!    channel and [`post::seal`] puts up to 128 of them under one signed head.
//! 6. [`store::disk`] appends the turn's facts to the [`store::journal`]: one write, one `fdatasync`.
//! 7. [`post::Post::apply`] folds them into rows and queues; only then does [`engine::Released`] exist. The officer
//!    sees 已入队. *From here it cannot be lost.*
//! 8. [`post::schedule`] says what to offer next; [`link::outlet`] picks the most urgent at the moment the connection
//!    can take more; [`link::uplink`] carries it to the parent.
//! 9. At the province [`link::downlink`] receives it. Who sent it comes from the certificate ([`link::socket`],
//!    [`identity`]); [`link::wire`] opens it, checking seal, chain and bodies.
//! 10. [`post::arrivals`] judges it: may this neighbour bring it, is it new, is there room. Steps 5–7 again: custody is
//!     the province's, its answer goes back, and the district's queue lets go. What merely passes through is offered
//!     onward while the commit still runs; the answer downward never is.
//! 11. At the ministry the commit that takes it also holds its receipt (送达), which comes down the same way.
//! 12. An officer signs ([`plan::act`]); the signature is a receipt like any other. [`post::ladder`] folds receipts into
//!     how far each document has come; [`desk::view`] shows it. What is late, expired or refused comes back by itself:
//!     [`post::notices`].
//! 13. What is owed because of it (who must be told, asked, answered, by when) is folded from the documents of its incident
//!     by the policy it names: [`plan::obligation`], [`plan::policy`], shown by [`desk::duties`].
//!
//! A directive goes the same way down, one envelope an addressee, its text once a link.
//!
//! When nobody will come back to it ([`post::retention`]), every station but the ministry forgets it and gives the space
//! back, a little at a time ([`engine::Engine::tidy`]).
//!
//! # Where things are
//!
//! Pure, without clock, dice, disk, network or runtime: [`post`] (knows no exam), [`plan`] (knows no network),
//! [`topology`]. Durable: [`store`]. Edges: [`link`], [`desk`], [`cli`]. Everything is put together in [`station`], told
//! what to do by [`config`], bounded by [`limits`], watched by [`telemetry`]; [`io`] is the world outside.

pub mod cli;
pub mod config;
pub mod desk;
pub mod engine;
pub mod evidence;
pub mod identity;
pub mod io;
pub mod limits;
pub mod link;
pub mod plan;
pub mod post;
pub mod station;
pub mod store;
pub mod telemetry;
pub mod topology;
pub mod web;
