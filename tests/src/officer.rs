//! Somebody at the terminal of one station.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::country::{Country, binaries, unit};

/// Types commands at a station.
#[derive(Debug)]
pub struct Officer {
    binary: PathBuf,
    socket: PathBuf,
    name: &'static str,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Data.
    pub out: String,
    /// Words.
    pub err: String,
}

impl Officer {
    /// At a station of a country.
    pub fn at(country: &Country, station: &str, name: &'static str) -> Self {
        let binary = match station {
            "000000" => "ministry-hub",
            "420000" | "350000" => "provincial-relay",
            _ => "district-node",
        };
        Self { binary: binaries().join(binary), socket: country.path(&unit(station), "s"), name }
    }

    /// The same person, with another socket.
    #[must_use]
    pub fn away(self, socket: &str) -> Self {
        Self { socket: socket.into(), ..self }
    }

    /// Types a command.
    pub fn types(&self, line: &[&str]) -> Said {
        self.pipes(line, "")
    }

    /// Types a command with something on its standard input.
    pub fn pipes(&self, line: &[&str], input: &str) -> Said {
        let mut command = Command::new(&self.binary);
        command.env_clear().args(line).arg("--socket").arg(&self.socket).env("ZHUJI_OFFICER", self.name);
        run(command, input)
    }

    /// Types a command that has to work, and reads its JSON.
    pub fn json(&self, line: &[&str]) -> Value {
        let said = self.types(&[line, &["--json"]].concat());
        assert_eq!(said.code, 0, "{line:?}: {said:?}");
        let value: Value = serde_json::from_str(&said.out).unwrap();
        assert!(value["schema"].as_str().is_some_and(|schema| schema.starts_with("zhuji.")), "{line:?}: {value}");
        value
    }
}

/// Runs a command to its end.
fn run(mut command: Command, input: &str) -> Said {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}
