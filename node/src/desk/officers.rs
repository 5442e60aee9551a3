//! Who may work at this desk, and as what; and who is at it now.
//!
//! Promises: a password is kept as its argon2id hash and nowhere else; a session is kept as the hash of its token, so what
//! lies on the disk lets nobody in; it survives a restart of the station, because a form that waits in a browser must still
//! be taken. Whoever looks after the machine, the people or the records does nothing else ([`apart`]). Guessing is slowed
//! down for one name from then on, never for the desk. A name that does not exist costs as much as a wrong password.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use aws_lc_rs::digest;
use proto::v1::{Officer, OfficersRequest, Post};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::{
    io::{Io, Timestamp},
    limits,
    post::refusal::{Code, Refusal},
};

/// Beside the journal.
const FILE: &str = "officers.json";
/// Wrong passwords before waiting begins; then it doubles, up to the longest.
const FREE_TRIES: u32 = 4;
const WAIT_MOST: Duration = Duration::from_secs(15 * 60);
/// A day's shift and the hand-over.
const SESSION_MOST: Duration = Duration::from_secs(12 * 3600);
const PASSWORD_CHARS_LEAST: usize = 10;
const SESSIONS_MOST: usize = 256;
/// Hashing takes 19 MiB and a processor: two at once, the rest wait.
const HASHING_MOST: usize = 2;
/// Logins under way at once.
const WAITING_MOST: usize = 64;

/// All of them; cheap to clone.
#[derive(Clone)]
pub struct Officers(Arc<Inner>);

struct Inner {
    file: PathBuf,
    book: Mutex<Book>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    io: Arc<dyn Io>,
    idle: Duration,
    /// When each session was last used. Not on disk: it would be written with every click.
    used: Mutex<BTreeMap<String, Timestamp>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Book {
    officers: BTreeMap<String, Record>,
    #[serde(default)]
    sessions: BTreeMap<String, Session>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Record {
    posts: Vec<i32>,
    password: String,
    #[serde(default)]
    closed: bool,
    since_us: i64,
    #[serde(default)]
    last_login_us: i64,
    #[serde(default)]
    refused: u32,
    #[serde(default)]
    wait_until_us: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    officer: String,
    began_us: i64,
    /// The address it began at: a token that was taken elsewhere opens nothing there.
    from: String,
}

/// Somebody at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub name: String,
    /// As what.
    pub posts: Vec<Post>,
    /// Left alone for too long: it shows what is urgent, and nothing can be read or done before the password.
    pub locked: bool,
}

/// Why somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLetIn {
    /// The name or the password, and it is not said which.
    Wrong,
    /// Too many wrong ones; again after this.
    Wait(Duration),
}

/// Whose turn it is to be told why not.
#[derive(Debug)]
pub enum NotManaged {
    /// A rule.
    Refused(Refusal),
    /// The book could not be written.
    Disk(std::io::Error),
}

impl From<Refusal> for NotManaged {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Officers {
    /// Reads the book in the station's folder; none yet is an empty one. One that cannot be understood is set aside and said:
    /// nobody can log in until somebody is entered again, and the station takes reports in all the same.
    pub fn open(folder: &Path, idle: Duration, io: Arc<dyn Io>) -> std::io::Result<Self> {
        let file = folder.join(FILE);
        let book = match fs::read(&file) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(book) => book,
                Err(error) => {
                    let aside = file.with_extension("damaged");
                    fs::rename(&file, &aside)?;
                    let aside = aside.display();
                    tracing::error!(%error, %aside, "the accounts cannot be read and were set aside; enter the officers again");
                    Book::default()
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Book::default(),
            Err(error) => return Err(error),
        };
        let hashing = Arc::new(Semaphore::new(HASHING_MOST));
        let waiting = Arc::new(Semaphore::new(WAITING_MOST));
        let inner = Inner { file, book: Mutex::new(book), hashing, waiting, io, idle, used: Mutex::default() };
        Ok(Self(Arc::new(inner)))
    }

    /// Everybody, by name.
    pub fn list(&self) -> Vec<Officer> {
        self.book().officers.iter().map(|(name, record)| record.shown(name)).collect()
    }

    /// Whether a change would be made.
    pub fn check(&self, request: &OfficersRequest) -> Result<(), Refusal> {
        let name = request.name.trim();
        check(request, name, self.book().officers.get(name))
    }

    /// Enters somebody, or changes what he may do, or his password.
    pub async fn manage(&self, request: OfficersRequest) -> Result<(), NotManaged> {
        self.check(&request)?;
        let name = request.name.trim().to_owned();
        let hash = match request.password.is_empty() {
            true => None,
            false => Some(self.hash(request.password.clone()).await.map_err(NotManaged::Disk)?),
        };
        let now = self.0.io.now().us();
        let ended = hash.is_some() || request.closed || !request.posts.is_empty();
        self.write(|book| {
            let record =
                book.officers.entry(name.clone()).or_insert_with(|| Record { since_us: now, ..Record::default() });
            if !request.posts.is_empty() {
                record.posts.clone_from(&request.posts);
            }
            if let Some(hash) = hash {
                record.password = hash;
            }
            record.closed = (record.closed || request.closed) && !request.opened;
            if request.opened || ended {
                (record.refused, record.wait_until_us) = (0, 0);
            }
            // Whoever is at the desk with what has changed comes in again.
            if ended {
                book.sessions.retain(|_, session| session.officer != name);
            }
        })
        .map_err(NotManaged::Disk)?;
        Ok(())
    }

    /// Lets somebody in: the token of a new session.
    pub async fn login(&self, name: &str, password: &str, from: &str) -> Result<String, NotLetIn> {
        let name = name.trim().to_owned();
        self.prove(&name, password).await?;
        let mut bytes = [0; 32];
        self.0.io.random(&mut bytes);
        let token = hex(&bytes);
        let now = self.0.io.now();
        let session = Session { officer: name.clone(), began_us: now.us(), from: from.to_owned() };
        let key = fingerprint(&token);
        self.remember(|book| {
            let old = (now - SESSION_MOST).us();
            book.sessions.retain(|_, session| session.began_us > old);
            while book.sessions.len() >= SESSIONS_MOST {
                let Some(oldest) = book.sessions.iter().min_by_key(|(_, one)| one.began_us).map(|(key, _)| key.clone())
                else {
                    break;
                };
                book.sessions.remove(&oldest);
            }
            book.sessions.insert(key.clone(), session);
            if let Some(record) = book.officers.get_mut(&name) {
                record.last_login_us = now.us();
            }
            let mut used = self.used();
            used.retain(|key, _| book.sessions.contains_key(key));
            used.insert(key, now);
        });
        Ok(token)
    }

    /// Whoever has left the desk alone for long, and is back.
    pub async fn unlock(&self, token: &str, password: &str) -> Result<(), NotLetIn> {
        let key = fingerprint(token);
        let name = self.book().sessions.get(&key).map(|session| session.officer.clone()).ok_or(NotLetIn::Wrong)?;
        self.prove(&name, password).await?;
        self.used().insert(key, self.0.io.now());
        Ok(())
    }

    /// Ends a session; who it was.
    pub fn logout(&self, token: &str) -> Option<String> {
        let key = fingerprint(token);
        self.used().remove(&key);
        let mut gone = None;
        self.remember(|book| gone = book.sessions.remove(&key).map(|session| session.officer));
        gone
    }

    /// Who a token belongs to. `acts` says whether this is somebody doing something, or a page looking by itself.
    pub fn present(&self, token: &str, from: &str, acts: bool) -> Option<Present> {
        let key = fingerprint(token);
        let now = self.0.io.now();
        let (name, posts) = {
            let book = self.book();
            let session = book.sessions.get(&key).filter(|session| session.from == from)?;
            let record = book.officers.get(&session.officer).filter(|record| !record.closed)?;
            if now.since(Timestamp::from_us(session.began_us)) > SESSION_MOST {
                return None;
            }
            (session.officer.clone(), record.posts())
        };
        let mut used = self.used();
        // After a restart nobody knows when it was last used: that counts from now.
        let last = *used.entry(key.clone()).or_insert(now);
        let locked = now.since(last) > self.0.idle && posts != [Post::Wall];
        if acts && !locked {
            used.insert(key, now);
        }
        Some(Present { name, posts, locked })
    }

    async fn prove(&self, name: &str, password: &str) -> Result<(), NotLetIn> {
        // Whoever sends guesses by the hundred waits like everybody else, and does not fill the memory.
        let place = self.0.waiting.clone().try_acquire_owned();
        let _place = place.map_err(|_| NotLetIn::Wait(Duration::from_secs(1)))?;
        let _turn = self.0.hashing.clone().acquire_owned().await;
        let now = self.0.io.now();
        let kept = {
            let book = self.book();
            let record = book.officers.get(name).filter(|record| !record.closed);
            if let Some(wait) = record.map(|record| Timestamp::from_us(record.wait_until_us).since(now))
                && wait > Duration::ZERO
            {
                return Err(NotLetIn::Wait(wait));
            }
            record.map(|record| record.password.clone())
        };
        let known = kept.is_some();
        let right = self.verify(password.to_owned(), kept).await && known;
        if known {
            self.remember(|book| {
                if let Some(record) = book.officers.get_mut(name) {
                    record.tried(right, now);
                }
            });
        }
        if right { Ok(()) } else { Err(NotLetIn::Wrong) }
    }

    async fn hash(&self, password: String) -> std::io::Result<String> {
        let _turn = self.0.hashing.clone().acquire_owned().await;
        let hashed = tokio::task::spawn_blocking(move || {
            Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
        });
        hashed.await.map_err(std::io::Error::other)?.map_err(|error| std::io::Error::other(error.to_string()))
    }

    /// Against a hash that is nobody's where there is no such officer: both take as long.
    async fn verify(&self, password: String, kept: Option<String>) -> bool {
        let verified = tokio::task::spawn_blocking(move || match kept.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => Argon2::default().verify_password(password.as_bytes(), &hash).is_ok(),
            _ => {
                drop(Argon2::default().hash_password(password.as_bytes()));
                false
            }
        });
        verified.await.unwrap_or(false)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the book, and writes it down if that can be done: with a full disk people come and go all the same, and whoever
    /// guesses is slowed down.
    fn remember(&self, change: impl FnOnce(&mut Book)) {
        let mut book = self.book();
        change(&mut book);
        let bytes = serde_json::to_vec_pretty(&*book).map_err(std::io::Error::other);
        if let Err(error) = bytes.and_then(|bytes| replace(&self.0.file, &bytes)) {
            tracing::warn!(%error, "who is at the desk is known until the station stops, and is not on disk");
        }
    }

    /// Changes the book, on disk first.
    fn write(&self, change: impl FnOnce(&mut Book)) -> std::io::Result<()> {
        let mut book = self.book();
        let mut changed = book.clone();
        change(&mut changed);
        let bytes = serde_json::to_vec_pretty(&changed).map_err(std::io::Error::other)?;
        replace(&self.0.file, &bytes)?;
        *book = changed;
        Ok(())
    }
}

impl Record {
    fn posts(&self) -> Vec<Post> {
        self.posts.iter().filter_map(|post| Post::try_from(*post).ok()).collect()
    }

    fn shown(&self, name: &str) -> Officer {
        Officer {
            name: name.to_owned(),
            posts: self.posts.clone(),
            closed: self.closed,
            since_us: self.since_us,
            last_login_us: self.last_login_us,
            refused: self.refused,
        }
    }

    fn tried(&mut self, right: bool, now: Timestamp) {
        if right {
            (self.refused, self.wait_until_us) = (0, 0);
            return;
        }
        self.refused = self.refused.saturating_add(1);
        if self.refused > FREE_TRIES {
            let doubled = Duration::from_secs(1 << (self.refused - FREE_TRIES).min(16));
            self.wait_until_us = (now + doubled.min(WAIT_MOST)).us();
        }
    }
}

/// Whoever looks after the machine, the people or the records does nothing else, and no two of the three.
pub fn apart(posts: &[Post]) -> bool {
    let administers = |post: &&Post| matches!(post, Post::System | Post::Security | Post::Audit);
    posts.len() <= 1 || posts.iter().find(administers).is_none()
}

fn check(request: &OfficersRequest, name: &str, before: Option<&Record>) -> Result<(), Refusal> {
    let refuse = |code, reason: String, fact: &str| Err(Refusal::new(code, &reason, &[fact]));
    if name.len() > limits::NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Refusal::new(Code::FieldTooLong, "an officer's name is one short line", &[]));
    }
    let posts: Vec<_> = request.posts().collect();
    if before.is_none() && (posts.is_empty() || request.password.is_empty()) {
        return refuse(Code::UnknownOfficer, format!("{name} is new here: give a post and a password"), name);
    }
    if posts.contains(&Post::Unspecified) || !apart(&posts) {
        let reason = format!("{name} would have an administrator's post and another one");
        return refuse(Code::PostsApart, reason, name);
    }
    let weak = |password: &str| password.chars().count() < PASSWORD_CHARS_LEAST || password.contains(name);
    if !request.password.is_empty() && weak(&request.password) {
        let reason = format!("a password has at least {PASSWORD_CHARS_LEAST} characters and not the officer's name");
        return refuse(Code::WeakPassword, reason, &PASSWORD_CHARS_LEAST.to_string());
    }
    Ok(())
}

/// What was done to an account, in words that do not change.
pub fn deeds(request: &OfficersRequest) -> String {
    let posts: Vec<_> = request.posts().map(|post| post.as_str_name().to_owned()).collect();
    let mut deeds = Vec::new();
    if !posts.is_empty() {
        deeds.push(format!("posts: {}", posts.join(" ")));
    }
    for (done, word) in
        [(!request.password.is_empty(), "password"), (request.closed, "closed"), (request.opened, "opened")]
    {
        if done {
            deeds.push(word.to_owned());
        }
    }
    deeds.join("; ")
}

fn fingerprint(token: &str) -> String {
    hex(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Either the old file or the new one, whole, whenever the power goes.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    let mut new = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    fs::File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Machine;

    fn request(name: &str, posts: &[Post], password: &str) -> OfficersRequest {
        OfficersRequest {
            name: name.into(),
            posts: posts.iter().map(|post| (*post).into()).collect(),
            password: password.into(),
            ..Default::default()
        }
    }

    fn open(folder: &Path) -> Officers {
        Officers::open(folder, Duration::from_secs(900), Arc::new(Machine)).unwrap()
    }

    #[tokio::test]
    async fn a_session_survives_a_restart_and_the_disk_holds_neither_password_nor_token() {
        let folder = tempfile::tempdir().unwrap();
        let officers = open(folder.path());
        officers.manage(request("张三", &[Post::DutyOfficer], "correct horse")).await.unwrap();
        let token = officers.login("张三", "correct horse", "10.0.0.1").await.unwrap();
        let again = open(folder.path());
        let present = again.present(&token, "10.0.0.1", true).unwrap();
        assert_eq!((present.name.as_str(), present.locked), ("张三", false));
        let kept = fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert_eq!(again.present(&token, "10.0.0.2", true), None, "a stolen token opens nothing elsewhere");
        assert!(!kept.contains("correct horse") && !kept.contains(&token), "{kept}");
        assert_eq!(again.logout(&token).as_deref(), Some("张三"));
        assert_eq!(again.present(&token, "10.0.0.1", true), None);
    }

    #[tokio::test]
    async fn a_damaged_book_takes_no_station_down_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{\"officers\": [").unwrap();
        let officers = open(folder.path());
        assert!(officers.list().is_empty());
        officers.manage(request("张三", &[Post::DutyOfficer], "correct horse")).await.unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("officers.damaged")).unwrap(), "{\"officers\": [");
        assert_eq!(open(folder.path()).list().len(), 1);
    }

    #[tokio::test]
    async fn guessing_is_slowed_down_for_one_name_and_a_new_password_ends_the_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let officers = open(folder.path());
        officers.manage(request("张三", &[Post::DutyOfficer], "correct horse")).await.unwrap();
        officers.manage(request("李四", &[Post::DutyLeader], "battery staple")).await.unwrap();
        let token = officers.login("张三", "correct horse", "10.0.0.1").await.unwrap();
        for _ in 0..=FREE_TRIES {
            assert_eq!(officers.login("张三", "wrong", "10.0.0.1").await, Err(NotLetIn::Wrong));
        }
        assert!(matches!(officers.login("张三", "correct horse", "10.0.0.1").await, Err(NotLetIn::Wait(_))));
        let many = (0..40).map(|_| officers.login("李四", "wrong", "10.0.0.1"));
        let tried = futures_util::future::join_all(many).await;
        let verified = tried.iter().filter(|one| **one == Err(NotLetIn::Wrong)).count();
        assert!(verified <= 8, "{verified} guesses at once were looked at");
        officers.manage(OfficersRequest { opened: true, ..request("李四", &[], "") }).await.unwrap();
        assert_eq!(officers.login("nobody", "wrong", "10.0.0.1").await, Err(NotLetIn::Wrong));
        officers.login("李四", "battery staple", "10.0.0.1").await.unwrap();
        assert!(officers.present(&token, "10.0.0.1", true).is_some(), "whoever is in stays in");
        officers.manage(request("张三", &[], "another horse")).await.unwrap();
        assert_eq!(officers.present(&token, "10.0.0.1", true), None);
        officers.login("张三", "another horse", "10.0.0.1").await.unwrap();
    }

    #[tokio::test]
    async fn the_three_administrators_are_three_people() {
        let folder = tempfile::tempdir().unwrap();
        let officers = open(folder.path());
        let refused = async |name: &str, posts: &[Post], password: &str| match officers
            .manage(request(name, posts, password))
            .await
        {
            Err(NotManaged::Refused(refusal)) => refusal.code.word(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused("甲", &[Post::System, Post::Audit], "correct horse").await, "posts-apart");
        assert_eq!(refused("甲", &[Post::Security, Post::DutyOfficer], "correct horse").await, "posts-apart");
        assert_eq!(refused("甲", &[Post::Security], "short").await, "weak-password");
        assert_eq!(refused("甲", &[], "correct horse").await, "unknown-officer");
        officers.manage(request("甲", &[Post::Security], "correct horse")).await.unwrap();
        assert_eq!(officers.list().len(), 1);
    }
}
