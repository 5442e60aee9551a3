//! Plays scripts: types their commands at real stations, breaks what they break, and looks whether what must come of it does.

use std::{collections::BTreeMap, process::Stdio, sync::Arc, time::Duration};

use node::{
    io::{Io, Machine},
    topology::Unit,
};
use proto::v1::StatusRequest;
use serde::Serialize;
use serde_json::Value;
use tokio::{process::Command, time::Instant};

use super::{Owes, Script, Sees, Step, named};
use crate::demo::{
    country::{Country, Post},
    people,
    trouble::Trouble,
    words::{Lang, Voice, clock},
};

/// How long something may take to come about: documents travel, killed stations come back.
const WITHIN: Duration = Duration::from_secs(60);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(300);
/// How a command ends that is put wrongly, and one that a rule forbids.
const WRONG: i32 = 2;
const FORBIDDEN: i32 = 6;

/// How the scripts went. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(crate) struct Played {
    schema: &'static str,
    ok: bool,
    scenarios: Vec<OneOf>,
    /// Nothing waits any more anywhere.
    drained: bool,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct OneOf {
    scenario: String,
    steps: usize,
    /// What each name stood for.
    documents: BTreeMap<String, String>,
    /// What went otherwise than the script says; nothing after it was played.
    failed: Option<String>,
}

impl Played {
    /// Whether everything went as the scripts say.
    pub(crate) fn ok(&self) -> bool {
        self.ok
    }

    /// Says it to people.
    pub(crate) fn say(&self, voice: Voice) {
        for one in &self.scenarios {
            let (name, steps) = (&one.scenario, one.steps);
            voice.say(&match (&one.failed, voice.lang) {
                (None, Lang::Zh) => format!("✔ {name}: {steps} 步,都与脚本相符"),
                (None, Lang::En) => format!("✔ {name}: {steps} steps, all as the script says"),
                (Some(why), Lang::Zh) => format!("✕ {name}: 第 {steps} 步与脚本不符: {why}"),
                (Some(why), Lang::En) => format!("✕ {name}: step {steps} is not as the script says: {why}"),
            });
        }
        if !self.drained {
            voice.say(voice.lang.pick("✕ 仍有文书在队列中", "✕ something still waits in a queue"));
        }
    }
}

/// Plays scripts one after another.
pub(crate) async fn play(country: &Arc<Country>, scripts: &[Script], voice: Voice) -> Result<Played, Trouble> {
    let began = Instant::now();
    let mut scenarios = Vec::new();
    for script in scripts {
        voice.say(&format!("\n{} {}", voice.lang.pick("演练:", "exercise:"), script.title(voice.lang)));
        let mut stage = Stage { country, voice, filed: BTreeMap::new() };
        let mut played = OneOf { scenario: script.name.clone(), steps: 0, documents: BTreeMap::new(), failed: None };
        for step in &script.steps {
            played.steps += 1;
            if let Err(why) = stage.step(step).await? {
                played.failed = Some(why);
                break;
            }
        }
        played.documents = stage.filed;
        country.mend().await?;
        scenarios.push(played);
    }
    let drained = drained(country).await;
    country.look().await;
    let ok = drained && scenarios.iter().all(|one| one.failed.is_none());
    Ok(Played { schema: "zhuji.scenario/1", ok, scenarios, drained, seconds: began.elapsed().as_secs_f64() })
}

struct Stage<'a> {
    country: &'a Arc<Country>,
    voice: Voice,
    filed: BTreeMap<String, String>,
}

/// What a command said.
struct Said {
    code: i32,
    out: Value,
    err: String,
}

impl<'a> Stage<'a> {
    /// One step; or why it went otherwise.
    async fn step(&mut self, step: &Step) -> Result<Result<(), String>, Trouble> {
        let told = step.told(self.voice.lang);
        if !told.is_empty() {
            self.voice.tell(&format!("\n  {told}"));
        }
        let Some(post) = self.post(&step.at) else {
            return Ok(Err(format!("there is no station {}", step.at)));
        };
        if let Some(deed) = step.deed {
            self.country.act(&post.place.unit, deed).await?;
            self.tell(post, deed.words().say(self.voice.lang));
            return Ok(Ok(()));
        }
        Ok(match (&step.owes, &step.sees) {
            (Some(owes), _) => self.owes(post, step, owes).await,
            (_, Some(sees)) => self.sees(post, step, sees).await,
            _ => self.types(post, step).await,
        })
    }

    fn post(&self, at: &str) -> Option<&'a Post> {
        let unit: Unit = self.country.topology.named(at)?.unit.clone();
        self.country.posts.get(&unit)
    }

    async fn types(&mut self, post: &Post, step: &Step) -> Result<(), String> {
        let words: Vec<String> = step.types.iter().map(|word| self.filled(word)).collect();
        self.tell(post, &format!("$ {}", shown(&words)));
        let until = Instant::now() + WITHIN;
        let said = loop {
            let said = self.run(post, step, &words).await?;
            let settled = if step.refused { said.code == FORBIDDEN } else { said.code == 0 };
            // What is put wrongly does not come right by waiting.
            if settled || said.code == WRONG || Instant::now() > until {
                break said;
            }
            tokio::time::sleep(AGAIN).await;
        };
        let error = said.err.lines().next().unwrap_or_default().to_owned();
        match (step.refused, said.code) {
            (true, FORBIDDEN) => self.tell(post, &error),
            (true, code) => return Err(format!("`{}` should have been refused (exit {code})", shown(&words))),
            (false, 0) => {}
            (false, code) => return Err(format!("`{}` failed (exit {code}): {error}", shown(&words))),
        }
        let number = said.out["number"].as_str().unwrap_or_default().to_owned();
        if !step.filed_as.is_empty() {
            if number.is_empty() {
                return Err(format!("`{}` filed nothing", shown(&words)));
            }
            self.tell(post, &number);
            self.filed.insert(step.filed_as.clone(), number);
        }
        Ok(())
    }

    /// Looks again and again until it is so. That there is no such duty can only be seen once the others are there.
    async fn owes(&self, post: &Post, step: &Step, owes: &Owes) -> Result<(), String> {
        let words = ["obligation", "ls", "--incident", &self.filed[&owes.of], "--all"].map(str::to_owned);
        let mut seen = String::new();
        self.eventually(async || {
            let said = self.run(post, step, &words).await.ok()?;
            let all = said.out["obligations"].as_array()?;
            let fits = |one: &&Value| {
                let about =
                    owes.about.is_empty() || one["to"] == owes.about.as_str() || one["item"] == owes.about.as_str();
                one["owner"] == owes.office.as_str() && one["what"] == owes.duty.as_str() && about
            };
            let verdicts: Vec<_> = all.iter().filter(fits).filter_map(|one| one["verdict"].as_str()).collect();
            seen = verdicts.join(", ");
            let so = match owes.verdict.as_str() {
                "none" => !all.is_empty() && verdicts.is_empty(),
                verdict => verdicts.contains(&verdict),
            };
            so.then_some(())
        })
        .await
        .ok_or_else(|| {
            format!("{} {} {} of {}: {seen}, not {}", owes.office, owes.duty, owes.about, owes.of, owes.verdict)
        })?;
        let (office, about) = (self.name(&owes.office), if owes.about.is_empty() { "" } else { " " });
        self.tell(post, &format!("◇ {office}: {}{about}{} — {}", owes.duty, owes.about, owes.verdict));
        Ok(())
    }

    async fn sees(&self, post: &Post, step: &Step, sees: &Sees) -> Result<(), String> {
        let words = ["msg", "show", &self.filed[&sees.document]].map(str::to_owned);
        let wanted = self.filled(&sees.is);
        let mut seen = String::new();
        self.eventually(async || {
            let said = self.run(post, step, &words).await.ok()?;
            let value = said.out.pointer(&sees.at)?;
            seen = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (seen == wanted).then_some(())
        })
        .await
        .ok_or_else(|| format!("{} {}: {seen}, not {wanted}", sees.document, sees.at))?;
        self.tell(post, &format!("◇ {} {} = {wanted}", self.filed[&sees.document], sees.at));
        Ok(())
    }

    async fn eventually(&self, mut look: impl AsyncFnMut() -> Option<()>) -> Option<()> {
        let until = Instant::now() + WITHIN;
        loop {
            if look().await.is_some() {
                return Some(());
            }
            if Instant::now() > until {
                return None;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Types a command as an officer of a station would.
    async fn run(&self, post: &Post, step: &Step, words: &[String]) -> Result<Said, String> {
        let officer = match step.officer.as_str() {
            "" => people::on_duty(&post.place.unit, Lang::Zh),
            named => named.to_owned(),
        };
        let lang = self.voice.lang.pick("zh", "en");
        let mut command = Command::new(&post.program);
        command.env_clear().args(words).args(["--json", "--no-input", "--lang", lang, "--officer", &officer]);
        let command = command.arg("--socket").arg(&post.socket).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|why| format!("{}: {why}", post.program.display()))?;
        Ok(Said {
            code: output.status.code().unwrap_or(-1),
            out: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn filled(&self, word: &str) -> String {
        named(word).iter().fold(word.to_owned(), |word, name| match self.filed.get(name) {
            Some(number) => word.replace(&format!("{{{name}}}"), number),
            None => word,
        })
    }

    fn name(&self, unit: &str) -> String {
        self.country.topology.name(unit, self.voice.lang.english()).to_owned()
    }

    fn tell(&self, post: &Post, what: &str) {
        self.voice.tell(&format!("{} {} {what}", clock(Machine.now()), self.name(post.place.unit.as_str())));
    }
}

/// A command as it would be typed.
fn shown(words: &[String]) -> String {
    let quoted = |word: &String| if word.contains([' ', '(']) { format!("'{word}'") } else { word.clone() };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Whether nothing waits any more anywhere, before long.
async fn drained(country: &Country) -> bool {
    let until = Instant::now() + WITHIN;
    loop {
        let mut waits = false;
        for post in country.posts.values() {
            let status = post.client.clone().get_status(StatusRequest {}).await.map(tonic::Response::into_inner);
            waits |= status.map_or(true, |status| {
                status
                    .links
                    .iter()
                    .filter_map(|link| link.queue)
                    .any(|queue| queue.ready + queue.in_flight + queue.parked + queue.held > 0)
            });
        }
        if !waits || Instant::now() > until {
            return !waits;
        }
        tokio::time::sleep(AGAIN).await;
    }
}
