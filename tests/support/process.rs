//! The `sextant` binary as a child process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far above what any takes on a busy machine.
const READY_MAX: Duration = Duration::from_mins(3);
const END_MAX: Duration = Duration::from_mins(1);
const ANY_PORT: &str = "127.0.0.1:0";

/// The binary, built if it is not fresh, by the profile of whoever asks.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        // `target/debug/deps/it`, `target/release/deps/fleet`.
        let profile = own.ancestors().nth(2).expect("cargo runs this");
        let is_release = profile.ends_with("release");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([
            "build",
            "--quiet",
            "--package",
            "sextant-cli",
            "--bin",
            "sextant",
        ]);
        let built = cargo.args(is_release.then_some("--release")).status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "the binary builds"
        );
        profile.join("sextant")
    })
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// The binary with arguments, without what the environment would change.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env("NO_COLOR", "1");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SEXTANT_")) {
        command.env_remove(name);
    }
    command
}

/// A running `sextant` of any role; it ends with the value.
pub struct Process {
    child: Child,
    pub http: String,
    pub grpc: String,
}

impl Process {
    /// Starts `sextant standalone` on free ports and waits until it is ready.
    pub fn standalone(data: &Path) -> Self {
        Self::standalone_with(data, &[])
    }

    /// The same, with more arguments.
    pub fn standalone_with(data: &Path, arguments: &[&str]) -> Self {
        let mut command = standalone(data, ANY_PORT, ANY_PORT);
        Self::ready(command.args(arguments))
    }

    /// Starts on the ports that another had, without waiting until it is ready.
    pub fn standalone_again(data: &Path, before: &Self) -> Self {
        Self::standalone_again_with(data, before, &[])
    }

    /// The same, with more arguments.
    pub fn standalone_again_with(data: &Path, before: &Self, arguments: &[&str]) -> Self {
        let port = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
        let mut command = standalone(data, &port(&before.http), &port(&before.grpc));
        let mut child = spawn(command.args(arguments));
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || BufReader::new(stdout).lines().for_each(drop));
        Self {
            child,
            http: before.http.clone(),
            grpc: before.grpc.clone(),
        }
    }

    /// Starts it without waiting. Where its HTTP is, the command says.
    pub fn at(command: &mut Command, http: &str) -> Self {
        let mut child = spawn(command);
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || BufReader::new(stdout).lines().for_each(drop));
        Self {
            child,
            http: format!("http://{http}"),
            grpc: String::new(),
        }
    }

    /// Starts and waits until it says where it listens, which it does once it is ready.
    pub fn ready(command: &mut Command) -> Self {
        Self::starting(command).ready()
    }

    /// Starts without waiting.
    pub fn starting(command: &mut Command) -> Starting {
        Starting(Self {
            child: spawn(command),
            http: String::new(),
            grpc: String::new(),
        })
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.request(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The status and the JSON body of an answer.
    pub fn request(&self, path: &str) -> (u16, Value) {
        self.try_request(path).unwrap()
    }

    /// The same, of a process that may not be reached yet.
    pub fn try_request(&self, path: &str) -> Option<(u16, Value)> {
        let answer = agent().get(format!("{}{path}", self.http)).call();
        Some(status_and_body(answer.ok()?))
    }

    /// The answer to who shows this token.
    pub fn request_as(&self, token: &str, path: &str) -> (u16, Value) {
        self.try_request_as(token, path).unwrap()
    }

    /// The same, of a process that may not be reached yet.
    pub fn try_request_as(&self, token: &str, path: &str) -> Option<(u16, Value)> {
        let request = agent().get(format!("{}{path}", self.http));
        let request = request.header("Authorization", format!("Bearer {token}"));
        Some(status_and_body(request.call().ok()?))
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let mut request = agent().post(format!("{}{path}", self.http));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        status_and_body(request.send(body).unwrap())
    }

    pub fn put(&self, path: &str, body: &str) -> (u16, Value) {
        let request = agent().put(format!("{}{path}", self.http));
        status_and_body(request.send(body).unwrap())
    }

    /// Its number among the processes of the machine.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as an operator does.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.ended()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        within(END_MAX, "the process to end", || {
            self.child.try_wait().unwrap()
        })
    }

    /// Sends it a signal, as `kill` names it.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

/// A process that may not be ready yet; it ends with the value.
pub struct Starting(Process);

impl Starting {
    /// Waits until it says where it listens.
    pub fn ready(self) -> Process {
        let Self(mut process) = self;
        let stdout = process.child.stdout.take().unwrap();
        let (line, lines) = mpsc::channel();
        // All that it prints is read, so that it never waits for a reader.
        thread::spawn(move || {
            let printed = BufReader::new(stdout).lines();
            printed.for_each(|printed| drop(line.send(printed.unwrap())));
        });
        let deadline = Instant::now() + READY_MAX;
        let address = |prefix: &str| {
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                let line = lines.recv_timeout(left).expect("the addresses are printed");
                if let Some(address) = line.strip_prefix(prefix) {
                    return address.to_owned();
                }
            }
        };
        process.http = address("http listening on ");
        process.grpc = address("grpc listening on ");
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that was ended already is not an error.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn standalone(data: &Path, http: &str, grpc: &str) -> Command {
    let mut command = command(&["standalone", "--http", http, "--grpc", grpc]);
    command.arg("--data-dir").arg(data);
    command
}

fn spawn(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Waits for the end of a child.
pub fn end_of(child: &mut Child, what: &str) -> ExitStatus {
    within(Duration::from_mins(5), what, || child.try_wait().unwrap())
}

/// Tries until the answer is there.
pub fn eventually<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_mins(2), what, attempt)
}

fn within<T>(limit: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = attempt() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn status_and_body(mut answer: ureq::http::Response<ureq::Body>) -> (u16, Value) {
    let body = answer.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    (answer.status().as_u16(), body)
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)));
    config.build().into()
}
