# What the command line says. Keys are the same in both languages; JSON keys, exit codes and flags are not translated.

## Commands
cmd-district-node = The district station: file, send up, sign
cmd-provincial-relay = The provincial station: receive, send up, pass down
cmd-ministry-hub = The ministry's station: receive, decide, direct
cmd-run = Start the station of this machine (in the foreground)
cmd-status = One screen: links, queues, what waits for a signature, latency per hop
cmd-check = Staged self-test with a way out for each failure (alias: doctor)
cmd-trace = All that happened to one message: who, when, how long people and lines took
cmd-queue = What waits on this machine for a neighbour
cmd-queue-ls = List the queues by neighbour
cmd-queue-inspect = What one message is waiting for
cmd-queue-retry = Try again now
cmd-link = The lines to the stations above and below
cmd-link-ls = List the links
cmd-link-ping = Measure a link's round trip and clock difference
cmd-link-pause = Pause a link (messages stay on this machine)
cmd-link-resume = Resume a link
cmd-report = Reports: initial, follow-up, final
cmd-report-submit = File an initial report
cmd-report-form = Show the form of a category: which items it has
cmd-report-ls = List this office's reports
cmd-report-show = Show one report
cmd-report-status = How far a report has come and who signed for it
cmd-report-follow-up = Follow up on the same incident
cmd-report-final = Final report: the incident is dealt with
cmd-incident = Incidents: the whole chain of reports, and every figure
cmd-incident-show = All reports of an incident, who grades it how, every figure and who gave it
cmd-request = Requests for instructions, and replies
cmd-request-submit = Ask the office above for instructions (one matter each)
cmd-request-ls = List requests and replies
cmd-request-status = How far a request has come and whether it was answered
cmd-request-approve = Reply: approved
cmd-request-deny = Reply: denied
cmd-inbox = What was received
cmd-inbox-ls = List what was received
cmd-inbox-sign = Sign for a message
cmd-directive = Directives
cmd-directive-issue = Issue a directive
cmd-directive-ls = List directives
cmd-directive-show = Show one directive
cmd-directive-status = Who has it, who signed, who undertook it
cmd-directive-cancel = Cancel a directive (void even where it has not arrived)
cmd-directive-sign = Sign for a directive
cmd-directive-undertake = Undertake: will comply
cmd-directive-done = Completed
cmd-directive-cannot = Cannot comply; a reason is required
cmd-msg = Messages of any kind
cmd-msg-show = Show one message
cmd-msg-cancel = Cancel one of this office's messages
cmd-attachment = Attachments
cmd-attachment-get = Fetch an attachment
cmd-config = Configuration
cmd-config-check = Check a configuration file without starting
cmd-completions = Write a completion script
cmd-help = Help on a command or a topic
cmd-version = Version

## The layout of help
help-template =
    {"{"}about-with-newline{"}"}
    Usage: {"{"}usage{"}"}

    {"{"}all-args{"}"}{"{"}after-help{"}"}
heading-commands = Commands
heading-options = Options
heading-global = Common options
value-command = COMMAND
value-options = [OPTIONS]

## Arguments
arg-socket = The station's local socket [default { $default }; env ZHUJI_SOCKET]
arg-config = Configuration file [default { $default }; env ZHUJI_CONFIG]
arg-lang = Language, zh or en [env ZHUJI_LANG, LC_ALL, LANG; default zh]
arg-officer = Who speaks for the office; required where something is said in its name [env ZHUJI_OFFICER]
arg-json = Print one JSON object, for programs
arg-jsonl = Print one JSON object a line
arg-quiet = Print numbers only
arg-no-input = Do not ask; name what is missing
arg-yes = Do not ask for confirmation
arg-color = Colour: auto, always or never [env NO_COLOR turns it off]
arg-help = Show help
arg-version = Show the version
arg-document = Number of a message, or a unique beginning of its number or id
arg-watch = Keep it up to date; Ctrl-C ends
arg-peer = Name or unit id of a neighbour
arg-held = Only what is held for a person
arg-limit = List at most this many
arg-retry-peer = Retry all that waits for this neighbour
arg-retry-held = Retry all that is held for a person
arg-dry-run = Only show what would be done
arg-count = How often [default 5]
arg-pause-for = For how long, e.g. 10m
arg-reason = Reason
arg-check-stage = How far to check: ping, local, links or full [default full]
arg-offline = Do not speak to the station; check the configuration only
arg-check-format = Output: table, json or nagios [default table]
arg-check-wait = Check again until it passes, for at most this long, e.g. 60s
arg-precedence = Speed: te-ti (flash), te-ji (immediate), jia-ji (priority), ping-ji or routine [default te-ji; follow-ups and replies as the original]
arg-classification = Classification: public, internal, confidential or secret [default internal]
arg-attach = An attachment; may be given several times
arg-idempotency-key = The same key again files nothing new
arg-deliver-by = Deliver by
arg-expires = Not delivered after this
arg-actual = A real event
arg-exercise = An exercise
arg-category = Category: paper-security, room-order, discipline, natural-disaster, epidemic, accident, info-security, public-opinion or other
arg-grade = Grade: I red, II orange, III yellow or IV blue
arg-occurred = When it happened, e.g. 08:42 or "yesterday 08:42" (Beijing time)
arg-place = Where, e.g. Wuhan/Site 3/A-12
arg-item = One item, as in injured=2 or spread=suspected; may be given several times; report form lists them
arg-as-of = As of when these items hold (now by default)
arg-source = Who says so (the officer by default)
arg-message = The text; - reads standard input
arg-report-file = Read from a TOML file (flags go first)
arg-wait = Wait until: queued, province (next level has it), ministry (delivered there), signed (signed there) [default queued]
arg-timeout = Wait at most this long; then the exit code is 5 and the message goes on
arg-since = Since when, e.g. 1h or 08:00
arg-incident = Only those of this incident
arg-received = Those received (without it: those written here)
arg-issued = Those issued here (without it: those received)
arg-request-for = The report this request is about
arg-ask = What is asked
arg-recommend = Recommendation
arg-needed-by = An answer is needed by
arg-to = Action addressees: names or unit ids, comma-separated; 420000/* (a province's districts), provinces, districts, all
arg-info = Information addressees, written alike
arg-title = Title
arg-directive-file = Read the text from a file
arg-reply-by = Reply by
arg-require = Required of each: sign, undertake or complete [default sign]
arg-directive-wait = Wait until all action addressees have it: delivered, signed or undertaken [--wait alone means signed]
arg-unsigned-only = Only those that have not signed
arg-note = A note
arg-unsigned = Only those that wait for a signature here
arg-kind = Only one kind: initial-report, request-for-instructions, directive, …
arg-attachment = File name of the attachment (needs --of), or its digest (64 hex digits)
arg-attachment-wait = If it is still on its way, wait until all of it is here
arg-attachment-timeout = Wait at most this long; then the exit code is 5
arg-output = The file to write [with --of, by default its own name]
arg-of = The message it belongs to
arg-config-file = The file to check [default: this station's own]
arg-shell = bash, zsh, fish, elvish or powershell
arg-topic = A command, or a topic: exit-codes, environment, formats

## Wrong usage
error = error: { $sentence }
refused = refused (6): { $sentence }
usage-bad-value = the value "{ $value }" of { $flag } is not valid
usage-no-value = { $flag } needs a value
usage-choices = choose from: { $choices }
usage-meant = did you mean { $meant }?
usage-more = for more, run { $path } --help
usage-unknown-argument = there is no argument { $argument }
usage-unknown-command = there is no command "{ $command }"
usage-missing = missing: { $flags }
usage-conflict = { $one } cannot be used together with { $other }
usage-no-equals = write the value of { $flag } with an equals sign, e.g. { $flag }=signed
usage-no-command = say what to do
usage-not-utf8 = an argument is not UTF-8 text
usage-wrong = wrong argument: { $argument }
grade-values = choose from: I red, II orange, III yellow, IV blue
hint-span = write: 90s, 5m, 2h
hint-moment = write: 08:42, "tomorrow 08:42", 2026-09-19 08:42 or +30m (Beijing time)
hint-past = that has passed; for tomorrow write "tomorrow 08:42"
hint-occurred = write: 08:42, "yesterday 08:42" or 2026-09-19 08:42 (Beijing time), not later than now
hint-item = write --item injured=2; report form --category CATEGORY lists the items
hint-item-count = give a whole number; leave out what is not known yet and follow up later
hint-since = write: 1h, 08:00 or "yesterday 08:00"
hint-report-file = it may say: status category grade precedence occurred place text item attach
hint-digest = write its file name with --of NUMBER, or its digest of 64 hex digits; see msg show

## What did not work
fail-unreachable = the station of this machine cannot be reached ({ $socket })
fail-unreachable-start = start it: { $program } run
fail-unreachable-socket = if its socket is elsewhere: --socket PATH, or set ZHUJI_SOCKET
fail-socket-forbidden = you may not use the station's socket ({ $socket })
fail-socket-forbidden-remedy = ask the administrator to add you to the group of that file
fail-lost = the connection to the station was lost: { $why }
fail-not-found = not found: { $why }
fail-full = the station cannot accept this now: { $why }
fail-old-station = the running station is too old for this; upgrade and restart it
fail-station = the station says: { $why }
fail-officer = this is said in the name of the office, so an officer must be named
fail-officer-remedy = add --officer NAME, or set ZHUJI_OFFICER
fail-file = { $path }: { $why }
file-not-found = there is no such file
file-forbidden = permission denied
file-exists = it exists already
file-not-text = it is not UTF-8 text
fail-no-neighbour = "{ $peer }" is neither above nor below this station
fail-no-neighbour-remedy = see: { $program } link ls

## Why something is refused (the words come from the station, see node/src/post/refusal.rs)
rule-missing-document = there is no text
rule-wrong-document = this is not what that kind of message holds
rule-draft-does-not-travel = a draft stays on this machine
rule-missing-status = it is not said whether this is actual or an exercise
rule-missing-status-remedy = add --actual or --exercise
rule-top-secret-does-not-travel = top secret must not travel on this network
rule-top-secret-does-not-travel-remedy = use the cipher channel
rule-missing-officer = no officer is named
rule-missing-officer-remedy = add --officer NAME
rule-missing-fields = something required is missing: { $fields }
rule-missing-fields-remedy = add it and file again; what is not known yet may say "unknown" and follow up later
rule-too-many-particulars = one report states { $most } items at most
rule-too-many-particulars-remedy = state the others in follow-ups
rule-particular-of-another-category = the item { $item } is not on the form of this category
rule-particular-of-another-category-remedy = leave it out, or name the right category with --category; anything else goes into the text
rule-particular-not-right = the item { $item } holds: { $holds }
rule-particular-not-right-remedy = correct it and file again; leave out what is not known yet and follow up later
rule-particular-without-source = the item { $item } does not say who says so, or as of when
rule-particular-without-source-remedy = name who says so with --source, and the moment with --as-of
rule-particular-from-the-future = the item { $item } speaks of a moment still to come
rule-particular-from-the-future-remedy = check the time and this machine's clock; write "yesterday" before a time of yesterday
rule-field-too-long = a field is too long (a name or key 255 bytes at most, a note 2 KiB, a file name 255 bytes)
rule-field-too-long-remedy = shorten it; put the rest in the text or an attachment
rule-body-too-long = the text is longer than { $bytes }
rule-body-too-long-remedy = shorten it; send the rest with --attach
rule-too-many-attachments = at most { $most } attachments
rule-too-many-attachments-remedy = send the others with a follow-up
rule-request-in-report = a report may not carry a request for instructions. Use two messages:
rule-request-in-report-remedy =
    { $program } report submit …                          what happened
    { $program } request submit --for NUMBER --ask "…"    what is asked
rule-no-superior = nobody is above this office to report to or to ask
rule-no-superior-remedy = to those below: { $program } directive issue
rule-not-a-superior = nobody is below this office to direct
rule-not-a-superior-remedy = to report: report submit; to ask: request submit
rule-missing-addressee = no action addressee is named
rule-missing-addressee-remedy = add --to UNITS: names, ids, 420000/*, provinces, districts, all
rule-unknown-addressee = no office is called "{ $address }"
rule-unknown-addressee-remedy = write a name or a unit id, or 420000/*, provinces, districts, all
rule-not-below = "{ $address }" is not below this office and is not directed from here
rule-not-below-remedy = only offices below this one may be addressed
rule-no-route = there is no way from here to { $unit }
rule-no-route-remedy = have the administrator check topology.toml
rule-missing-reference = it is not said which message is meant
rule-missing-reference-remedy = write its number, or the beginning of it
rule-record-lost = the record of "{ $text }" is damaged on this station's disk and cannot be shown
rule-record-lost-remedy = ask the office that wrote it, or those it went to; if check calls it unsent, nobody else has it: file it again
rule-not-found = no message here is called "{ $text }"
rule-not-found-remedy = list them with ls (report, request, directive, inbox); any unique beginning will do
rule-ambiguous = "{ $text }" may mean several: { $candidates }
rule-ambiguous-remedy = write the whole number
rule-not-an-incident = { $number } does not belong to an incident
rule-not-an-incident-remedy = write the number of the initial report
rule-incident-closed = the incident was closed by { $by }; there is no following it up
rule-incident-closed-remedy = if something new happened: { $program } report submit
rule-status-differs = of { $number } and this, one is actual and one an exercise: they must not be mixed
rule-status-differs-remedy = check --actual or --exercise
rule-not-yours = { $number } was written by { $unit }; only its writer may cancel or replace it
rule-not-yours-remedy = call { $unit }
rule-not-live = { $number } was ended by { $by } and is no longer in force
rule-not-live-remedy = see: { $program } msg show { $by }
rule-not-a-request = { $number } is not a request for instructions
rule-not-a-request-remedy = see those that wait for a reply: { $program } request ls --received
rule-not-the-deciding-body = { $number } is not addressed to this office, so this office may not answer it
rule-not-the-deciding-body-remedy = the office it is addressed to answers
rule-already-answered = { $number } was answered by { $by }; it is answered once
rule-already-answered-remedy = see: { $program } msg show { $by }
rule-not-an-act = the station records that itself; it is not for a person to say
rule-not-an-act-remedy = a person may: sign, undertake, done, cannot
rule-not-for-this-desk = { $number } is not addressed to this office
rule-not-for-this-desk-remedy = the office it is addressed to acts on it
rule-already-done = { $officer } has done that with { $number } already
rule-already-done-remedy = see: { $program } trace { $number }
rule-already-ended = { $officer } has already said of { $number } that it is done or cannot be done
rule-already-ended-remedy = see: { $program } trace { $number }
rule-nothing-to-carry-out = { $number } asks this office for a signature only
rule-nothing-to-carry-out-remedy = sign: { $program } directive sign { $number }
rule-expired = { $number } has expired
rule-expired-remedy = call the office that wrote it
rule-sign-first = sign for { $number } first
rule-sign-first-remedy = { $program } directive sign { $number }
rule-attachment-not-here = the attachment "{ $name }" is not on this station
rule-attachment-not-here-remedy = send it along with --attach
rule-attachment-too-large = an attachment is larger than { $bytes }
rule-attachment-too-large-remedy = compress or split it
rule-attachment-on-its-way = this attachment is still on its way; { $bytes } have come
rule-attachment-on-its-way-remedy = see how far it is: { $program } msg show NUMBER
rule-not-a-digest = that is not the digest of an attachment
rule-not-a-digest-remedy = 64 hex digits are expected; see msg show
rule-attachment-failed = the attachment was not stored or read: { $why }
rule-attachment-failed-remedy = check the disk and try again
rule-disk-nearly-full = the disk is nearly full; what is left is kept for higher precedences than this
rule-disk-nearly-full-remedy = free some space; if it is urgent: --precedence te-ji or te-ti
rule-disk-full = the disk is full; nothing was taken in
rule-disk-full-remedy = free some space; the station takes documents in again by itself; report by telephone meanwhile
rule-queue-full = too much waits for { $unit }; nothing more can be taken now
rule-queue-full-remedy = see: { $program } link ls; file again when the line is up, and ring the duty phone if it is urgent
rule-not-a-neighbour = "{ $text }" is neither above nor below this station
rule-not-a-neighbour-remedy = see: { $program } link ls
rule-link-down = the link to { $unit } is down: { $why }
rule-link-down-remedy = messages stay on this machine and go on by themselves. See: { $program } link ls
rule-link-silent = { $unit } did not answer
rule-link-silent-remedy = try again, or see: { $program } link ls
rule-stopped = the station is stopping; whether the last message was filed is not known
rule-stopped-remedy = when it runs again, file under the same --idempotency-key: nothing will be filed twice

## Why a neighbour does not take something
answer-disk-nearly-full = the neighbour's disk is nearly full; what is left there is kept for higher precedences
answer-disk-full = the neighbour's disk is full; it takes nothing until it has space again
answer-queue-full = the neighbour's own line onward is down and its queue is full
answer-overlapping-numbers = refused by the neighbour: the numbers overlap with what it has
answer-broken-chain = refused by the neighbour: it does not follow what it has
answer-number-used = refused by the neighbour: it has had other documents under these numbers. This station was restored from an older copy; file it again, it gets new numbers
answer-too-many-gaps = the neighbour misses too many numbers; they go first
answer-not-your-subtree = refused by the neighbour: not this office's to pass on
answer-body-missing = the neighbour does not have the text yet
answer-malformed = refused by the neighbour: malformed
answer-unknown-format = refused by the neighbour: unknown format, upgrade the neighbour
answer-seal-not-theirs = refused by the neighbour: the seal does not match
answer-altered-header = refused by the neighbour: a header was altered
answer-altered-body = refused by the neighbour: the text was altered
answer-no-answer = the neighbour did not answer

## Why a link is down (the words: node/src/link/trouble.rs)
line-bad-address = the address of the station above is not host:port
line-unknown-host = the host of the station above is not found; check the address and DNS
line-unreachable = not reachable; check the line, the firewall and whether that station runs
line-timed-out = nothing comes back; check the line and the firewall
line-peer-refused = this station does not accept that certificate; check the address, topology.toml and root.pem
line-refused-by-peer = our certificate is not accepted; check its dates, both clocks and topology.toml
line-not-a-station = that is not a station; another program may have the port
line-broken-off = the connection broke; that station may be starting, stopping or busy
line-closed = the other side closed the connection
line-silent = the other side does not answer
line-misbehaved = the other side broke the protocol; check its version and log
line-version = the two versions are too far apart; upgrade the older one
line-paused = the duty officer there has paused this link
line-stopping = this station is stopping

## Questions
ask-status = actual or exercise?
ask-officer = who speaks for the office:
ask-category = category ({ $choices }):
ask-occurred = when did it happen (e.g. 08:42, yesterday 08:42):
ask-place = where:
ask-text = what is known:
ask-again = that was not understood; once more
ask-ended = the input ended; nothing was filed
confirm-cancel = This cancels { $number }: what has not arrived will not be delivered, what has is void. It cannot be taken back.
confirm-type = Type { $name } to confirm:
confirm-not = that is not the number; nothing was cancelled
confirm-needed = needs confirmation: add --yes

## Filed, and waiting
filed = queued   { $number }   on this machine's disk ({ $durable }). Safe if the network or the power fails.
filed-before = already filed   { $number }   the same key; nothing was filed twice.
next = next
next-follow-up = follow up
next-watch = keep watching
next-sign = sign
next-call-list = whom to ring
next-undertake = undertake
next-done = say it is done
next-cannot = cannot comply (-m the reason)
next-approve = approve (-m the reply)
next-deny = deny (-m the reason)
next-trace = see all that happened
next-request-status = see the reply
next-directive-status = see the progress
attach-too-many = at most { $most } attachments
attach-too-large = { $path } is larger than the { $most } an attachment may have
attach-changed = { $path } changed or could not be read to its end; nothing was filed
wait-for-province = waiting for the next level …
wait-for-ministry = waiting for delivery at the ministry …
wait-for-signed = waiting for a signature at the ministry …
wait-arrived = ✔ { $what } (took { $span })
wait-met = ✔ it has come as far as was asked
wait-not-in-time = ▲ not there in time; the message is still on its way
wait-never = ✕ it will not be delivered any more; see trace
wait-interrupted = no longer waiting; { $number } is still on its way
acted = ✔ { $number } { $stage }: { $officer } ({ $time }, on this machine's disk)

## Lists
list-empty = no such messages
list-comma = {", "}
list-summary = { $n } listed, { $unsigned } waiting for a signature here
list-more = ; there are older ones, use --limit or --since
list-sign = {". To sign: "}{ $program } { $verb } NUMBER
queue-not-waiting = not waiting on this machine
queue-would-retry = would retry { $n }
queue-retried = { $n } will be retried now
queue-receipts = (receipts)
queue-and-more = { $first } and { $n } more
state-signed-here = signed
state-unsigned-here = to sign
state-gap = {" "}⚠ an earlier one is missing
state-partly = partly there
state-queued = queued
standing-by = { $standing } ({ $by })
body-absent = (the text has not arrived)
attachment-here = attachment { $name }  { $size }  here { $held }  { $digest }
attachment-coming = attachment { $name }  { $size }  on its way, here { $held }  { $digest }
attachment-written = wrote { $file } ({ $size }, the digest matches)
attachment-exists = { $file } exists and was not overwritten; name another with -o
attachment-none = { $number } has no attachment "{ $which }"
attachment-names = it has: { $names }
attachment-not-in-time = ▲ the attachment is not whole yet: { $held } of { $size }; it keeps coming
attachment-fetch = to fetch one: attachment get { $name } --of { $number }
attachment-altered = what came does not match the digest; nothing was written

## What happened
title = { $title } ({ $status })
event-occurred = occurred (as reported)
event-filed = queued (durable)
event-passed = in custody (durable)
event-by-officer = { $stage }: { $officer }
event-note = {" "}"{ $note }"
leg-human = human { $span }
leg-line = line { $span }
leg-slow = {"  "}■ over { $limit }
leg-clock = {"  "}clock { $offset }
leg-attempts = {"  "}{ $n } attempts
waiting-held = held for a person
waiting-in-flight = in flight
waiting-parked = parked
waiting-ready = ready
waiting-attempt = {" "}(attempt { $n })
waiting-last = , last: { $why }
waiting-next = , next: { $when }
notice-waits = waits for { $name }
next-link = when the link is back
due = due { $when }

## Progress of a directive
directive-addressed = action { $action }  info { $info }
directive-behind = not signed: { $names }
directive-behind-one = { $name } ({ $state })
directive-behind-more = {"  "}and { $n } more, see --unsigned
directive-all-signed = all action addressees have signed
directive-goes-on = The directive is not recalled; keep waiting: { $program } directive status { $number } --wait
behind-delivered = delivered { $span }
behind-undelivered = not delivered { $span }
behind-cut = not delivered { $span }, link down
behind-passed = at { $name } for { $span }
tier-ministry = ministry
tier-province = provinces
tier-district = districts
tier-unknown = units

## This station and its links
status-up = up { $span }
status-store = store { $used } ({ $free } free, commit P50 { $p50 } P99 { $p99 })
status-certificate = certificate { $span } left
status-certificate-expired = ■ certificate expired
status-unsigned = { $n } to sign
status-refusing = ■ disk nearly full ({ $free } left): only the two highest precedences are taken; free some space
status-hops = Delivery latency per hop (store and forward, durable)
status-more-hops = these are the slowest; { $n } more with --json
status-calm = { $n } more links are up with nothing waiting (link ls lists all)
status-totals = since start: filed { $filed }  taken { $taken }  passed { $passed }  delivered { $delivered }  duplicates { $duplicates }  refused { $refused }  missing { $gaps }
status-links = { $all } { $all ->
        [one] link
       *[other] links
    }, { $up } up
status-lost = ; { $n } losses not made good: { $program } check
status-held = ; { $n } held for a person: { $program } queue ls --held
link-up = up
link-down = down { $span }
link-never = never up
link-paused = paused
link-failure = { $peer }: { $why }; next attempt { $next }
link-failure-below = { $peer }: { $why }; waiting for it to call
link-paused-until = { $name } is paused until { $until }; messages stay on this machine. Resume: { $program } link resume { $name }
link-resumed = { $name } is resumed
ping-answer = from { $name } ({ $identity }): seq={ $seq } { $rtt }  clock { $offset }
direction-up = ↑
direction-down = ↓

## Column heads
head-grade = grade
head-precedence = precedence
head-number = number
head-kind = kind
head-matter = matter
head-from = from
head-state = state
head-time = time
head-due = due
head-total = total
head-leg = leg
head-direction = way
head-peer = peer
head-link = link
head-rtt = RTT
head-clock = clock
head-ready = ready
head-in-flight = in flight
head-parked = parked
head-held = held
head-bytes = bytes
head-oldest = oldest
head-contact = last contact
head-hop = hop
head-count = count
head-p50 = P50
head-p95 = P95
head-p99 = P99
head-max = max
head-for = for
head-via = via
head-unit = unit
head-waiting = on this machine
head-phone = phone

## Fields of a message
field-classification = classification
field-from = from
field-created = written
field-arrived = received
field-action-to = action
field-info-to = info
field-deliver-by = deliver by
field-reply-by = reply by
field-expires = expires
field-occurred = occurred
field-place = place
head-item = item
head-value = value
head-as-of = as of
head-source = source
head-takes = takes
incident-missing = missing: { $positions }
incident-grades = graded: { $grades }
statement-latest = latest
statement-earlier = earlier
statement-void = corrected or cancelled
holds-count = a whole number
holds-moment = a moment, not in the future
holds-text = a short text (255 bytes at most)
holds-nothing = nothing (this station has no such item)
field-officer = officer
field-needed-by = needed by
field-recommendation = recommendation
field-require = required
field-state = state
field-missing = missing in the incident
field-related = same incident
address-all = all below
address-provinces = all provinces
address-districts = all districts
address-below = all below { $name }
part-occurred = time of occurrence
part-place = place
part-category = category
part-text = text
part-reporter = reporter
part-ask = what is asked
part-title = title
part-reason = reason
part-note = the reason why
part-time = for how long

## Self-test
check-do = do: { $what }
check-summary = { $failures ->
        [one] { $failures } failure
       *[other] { $failures } failures
    }, { $warnings ->
        [one] { $warnings } warning
       *[other] { $warnings } warnings
    }
group-config = Configuration
group-identity = Identity
group-store = Store
group-clock = Clock
group-links = Links
group-queue = Queue
certificate-transport = link certificate
certificate-signing = signing certificate
config-valid = √ { $file } is valid
config-invalid = { $file } is wrong
check-station-running = the station of { $a } is running, version { $b }
check-config-valid = { $a } is valid
check-config-invalid = { $a } is wrong
check-config-invalid-hint = correct the line named below, then run config check
check-identity-broken = the certificates in { $a } cannot be used
check-identity-broken-hint = copy this station's bundle from zhuji-certs there again, whole; filing goes on
check-cert-valid = the { $a } is valid, { $b } days left
check-cert-expiring = the { $a } expires in { $b } days
check-cert-expiring-hint = have it renewed with zhuji-certs; once expired the links go down, filing goes on
check-cert-expired = the { $a } expired { $b } days ago
check-cert-expired-hint = have it renewed with zhuji-certs; the links are down, filing goes on and messages stay here
check-store-writable = writable, commit { $a }, { $b } free
check-store-refusing = the disk is nearly full ({ $a } left): only the two highest precedences are taken, in the end 特提 alone
check-store-refusing-hint = free some space; file the rest afterwards
check-records-lost = { $a } losses on this disk or on the way here were not made good: { $b }
check-records-lost-hint = have the disk looked at; file "unsent" again (nobody else has it), and ask the offices named for the rest
check-disk-low = only { $a } of disk left
check-disk-low-hint = free some; below the reserve only the two highest precedences are taken
check-commit-slow = commits are slow: one in a hundred takes { $a }
check-commit-slow-hint = check the disk's health and what else uses it
check-clock-ok = { $b } from { $a }
check-clock-off = { $b } from { $a }, too much
check-clock-off-hint = check this machine's time service; messages are taken, their times are hard to compare
check-clock-unknown = not compared with any other station yet
check-clock-unknown-hint = that happens by itself once a link is up
check-link-up = { $a } is up, round trip { $b }
check-links-up = { $a } links are up
check-link-down = { $a } has been down for { $b }: { $c }
check-link-down-hint = filing goes on, messages stay here and go on by themselves; if it is urgent ring the duty phone too
check-link-paused = the link to { $a } is paused
check-link-paused-hint = resume it: link resume
check-queue-moving = nothing is stuck
check-queue-held = { $a } held for a person
check-queue-held-hint = see queue ls --held, then queue retry --held
check-queue-old = the oldest for { $a } has waited { $b }
check-queue-old-hint = see link ls and queue ls

## Time
time-just-now = just now
time-ago = { $span } ago
time-ahead = in { $span }
span-seconds = { $n } s
span-minutes = { $n } min
span-hours = { $h } h { $m } min
span-days = { $d } d { $h } h

## Terms
unknown = (unknown)
precedence-te-ti = FLASH
precedence-te-ji = IMMEDIATE
precedence-jia-ji = PRIORITY
precedence-ping-ji = PING-JI
precedence-routine = ROUTINE
status-actual = actual
status-exercise = exercise
status-system = system
status-test = test
status-draft = draft
classification-public = public
classification-internal = internal
classification-confidential = confidential
classification-secret = secret
classification-top-secret = top secret
kind-initial-report = initial report
kind-follow-up-report = follow-up report
kind-follow-up-number = follow-up { $n }
kind-final-report = final report
kind-request-for-instructions = request for instructions
kind-approval = approval
kind-denial = denial
kind-directive = directive
kind-cancel = cancellation
kind-receipt = receipt
role-action = action
role-info = info
category-paper-security = paper security
category-room-order = room order
category-discipline = discipline
category-natural-disaster = natural disaster
category-epidemic = epidemic
category-accident = accident
category-info-security = information security
category-public-opinion = public opinion
category-other = other
grade-I = I red
grade-II = II orange
grade-III = III yellow
grade-IV = IV blue
item-dead = dead
item-injured = injured
item-missing = missing
item-evacuated = evacuated
item-seated = candidates seated
item-holding = holding of the exam
item-rooms = rooms affected
item-candidates = candidates affected
item-minutes-lost = minutes lost
item-papers = state of the papers
item-bags = bags of papers
item-bags-missing = bags missing
item-seals-broken = seals broken
item-spread = spread
item-spread-range = range of the spread
item-custody-step = step of custody
item-disorder = kind of disorder
item-police-called = police called at
item-police-reference = police reference
item-large-scale = large-scale
item-organised = organised
item-vicious = vicious
item-grave-effect = of grave effect
item-channel = channel of cheating
item-channel-mark = frequency or number
item-hazard = hazard
item-warning-level = level of the warning
item-warning-issuer = issuer of the warning
item-stopped-at = exam stopped at
item-disease = disease
item-verified = verification
item-verified-by = verified by
item-verified-at = verified at
item-isolated = isolated
item-accident = kind of accident
item-briefed = released candidates briefed
item-briefed-at = briefed at
item-system = system
item-symptom = symptom
item-since = since
item-cause = cause
item-clue-nature = nature of the clue
item-phase = phase of the exam
item-platform = platform
item-link = link
item-first-seen = first seen
item-shows-content = shows exam content
choice-yes = yes
choice-no = no
choice-unknown = unknown
choice-other = other
choice-normal = normal
choice-postponed = postponed
choice-halted = halted
choice-safe = safe
choice-damaged = damaged
choice-lost = lost
choice-not-spread = not spread
choice-suspected = possibly spread
choice-spread = spread
choice-transport = transport
choice-storage = storage
choice-opening = opening
choice-in-session = in session
choice-collection = collection
choice-dispute = dispute
choice-incitement = incitement
choice-violence = violence
choice-explosion = explosion
choice-terror = terror
choice-radio = radio
choice-sms = text messages
choice-chat = chat
choice-flood = flood
choice-typhoon = typhoon
choice-earthquake = earthquake
choice-red = red
choice-orange = orange
choice-yellow = yellow
choice-blue = blue
choice-unverified = unverified
choice-confirmed = confirmed
choice-refuted = refuted
choice-fire = fire
choice-poisoning = mass poisoning
choice-collapse = collapse of a building
choice-registration = registration
choice-results = results
choice-qualification = qualification
choice-outage = outage
choice-data-loss = loss of data
choice-data-theft = theft of data
choice-tampering = tampering with data
choice-sabotage = sabotage
choice-technical = technical
choice-tendency = tendency
choice-emerging = emerging
choice-gathering = gathering
choice-registering = registration
choice-holding-exam = holding of the exam
choice-disputing-answers = disputed answers
choice-marking = marking
choice-publishing-results = publication of results
choice-qualifying = applications for qualification
stage-custody = in custody
stage-delivered = delivered
stage-signed = signed
stage-read = read
stage-undertaken = undertaken
stage-completed = completed
stage-cannot-comply = cannot comply
stage-delayed = delayed
stage-not-delivered = not delivered
stage-expired = expired
standing-active = in force
standing-superseded = superseded
standing-cancelled = cancelled
standing-expired = expired
standing-closed = closed
standing-answered = answered
severity-ok = ok
severity-warning = warning
severity-failure = failure

## Topics
help-exit-codes =
    Exit codes
      0    done
      1    failed
      2    wrong usage
      3    the station of this machine cannot be reached
      4    not permitted, or no officer was named
      5    accepted, but the awaited state was not reached in time (safe to wait again)
      6    a rule forbids it
      130  Ctrl-C
    check --format nagios follows the plug-in convention: 0 ok, 1 warning, 2 critical, 3 unknown
help-environment =
    Environment variables (flags go first)
      ZHUJI_SOCKET   the station's local socket
      ZHUJI_CONFIG   configuration file
      ZHUJI_OFFICER  who speaks for the office
      ZHUJI_LANG     zh or en; without it LC_ALL, LANG, and without those Chinese
      NO_COLOR       no colour if it is not empty
    Keys and passwords are never taken from the environment.
help-formats =
    times      08:42, "yesterday 08:42", 09-19 08:42, 2026-09-19 08:42, 2026-09-19T08:42:00+08:00, +30m; Beijing time
    spans      90s, 5m, 2h, 1h30m
    numbers    any unique beginning will do
    addressees names or unit ids, comma-separated; 420000/* (a province's districts), provinces, districts, all
    grades     I red, II orange, III yellow, IV blue
    precedence te-ti (flash), te-ji (immediate), jia-ji (priority), ping-ji, routine
    JSON       --json one object, --jsonl one a line; every object has a schema field and only ever grows; times are RFC 3339 with offset
    the file of report submit --file:
      status = "exercise"
      category = "paper-security"
      grade = "I"
      precedence = "te-ji"
      occurred = "08:42"
      place = "Wuhan/Site 3/A-12"
      text = "One bag was found damaged when the first papers were unsealed"
      attach = {"["}"photo.jpg"{"]"}
