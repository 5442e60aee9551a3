//! Whether the station is alive and ready, as an orchestrator asks. A line that is down makes no station unready:
//! taking reports without a line is what it is for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// An engine that has not finished a turn for this long hangs, most likely in the disk.
const TURN_WITHIN: Duration = Duration::from_secs(30);

/// Told by the station, asked by the probes; cheap to clone.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    last_turn: Option<Instant>,
    /// Why nothing is accepted; `None` = ready.
    unready: Option<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { last_turn: None, unready: Some("starting".to_owned()) })))
    }
}

impl Health {
    /// The engine finished a turn. An idle engine must say so at least every ten seconds.
    pub fn turned(&self) {
        self.with(|state| state.last_turn = Some(Instant::now()));
    }

    /// The store is open, the identity is valid: work is accepted.
    pub fn ready(&self) {
        self.with(|state| state.unready = None);
    }

    /// Work is not accepted, and why.
    pub fn unready(&self, because: &str) {
        self.with(|state| state.unready = Some(because.to_owned()));
    }

    /// Whether the engine turns, or why that is doubtful.
    pub fn livez(&self) -> Result<(), String> {
        self.with(|state| alive(state.last_turn, Instant::now()))
    }

    /// Whether work is accepted, or why not.
    pub fn readyz(&self) -> Result<(), String> {
        self.with(|state| state.unready.clone()).map_or(Ok(()), Err)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Before the first turn the station is alive: recovery may take its time.
fn alive(last_turn: Option<Instant>, now: Instant) -> Result<(), String> {
    let silent = last_turn.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
    if silent <= TURN_WITHIN {
        Ok(())
    } else {
        Err(format!("the engine has not finished a turn for {} s; look at the disk", silent.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hanging_engine_is_noticed() {
        let turn = Instant::now();
        assert_eq!(alive(None, turn), Ok(()), "recovery may take long");
        assert_eq!(alive(Some(turn), turn + TURN_WITHIN), Ok(()));
        let late = alive(Some(turn), turn + Duration::from_secs(41)).unwrap_err();
        assert_eq!(late, "the engine has not finished a turn for 41 s; look at the disk");
        let health = Health::default();
        health.turned();
        assert_eq!(health.livez(), Ok(()));
    }

    #[test]
    fn ready_and_why_not() {
        let health = Health::default();
        assert_eq!(health.readyz().unwrap_err(), "starting");
        health.ready();
        assert_eq!(health.readyz(), Ok(()));
        health.unready("the disk is full");
        assert_eq!(health.readyz().unwrap_err(), "the disk is full");
    }
}
