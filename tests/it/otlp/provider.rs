//! A provider in the shape of OpenAI's, which answers as it is asked to by `x-answer`.

use std::io::{BufRead, BufReader, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// How long before the first chunk, and between the others, at least.
pub(crate) const FIRST_CHUNK: Duration = Duration::from_millis(40);
const CHUNK: Duration = Duration::from_millis(5);
/// What an answer says that it took: enough to tell throughput.
const OUTPUT_TOKENS: u32 = 32;

/// Starts one. It ends with the process of the test.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // Who hangs up has seen enough.
            thread::spawn(move || serve(connection).unwrap_or_default());
        }
    });
    address
}

/// Answers one request after the other, until the connection ends.
fn serve(connection: TcpStream) -> Result<()> {
    let mut from = BufReader::new(connection.try_clone()?);
    let mut to = connection;
    while let Some(answer) = wanted(&mut from)? {
        match answer.as_str() {
            "stream" => stream(&mut to)?,
            "plain" => send(&mut to, "200 OK", &plain())?,
            "embeddings" => send(&mut to, "200 OK", EMBEDDINGS)?,
            status => {
                let error = r#"{"error":{"message":"no","type":"x","code":null}}"#;
                send(&mut to, &format!("{status} No"), error)?;
            }
        }
    }
    Ok(())
}

/// Reads a request, and gives the answer that it wants.
fn wanted(from: &mut impl BufRead) -> Result<Option<String>> {
    let (mut answer, mut length) = (None, 0);
    let mut line = String::new();
    while from.read_line(&mut line)? > 0 {
        let header = line.trim_end().to_ascii_lowercase();
        line.clear();
        if header.is_empty() {
            from.take(length).read_to_end(&mut Vec::new())?;
            return Ok(answer);
        }
        match header.split_once(": ") {
            Some(("x-answer", wanted)) => answer = Some(wanted.to_owned()),
            Some(("content-length", bytes)) => length = bytes.parse().unwrap(),
            _ => {}
        }
    }
    Ok(None)
}

fn send(to: &mut TcpStream, status: &str, body: &str) -> Result<()> {
    let length = body.len();
    write!(
        to,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n\
         {body}"
    )
}

fn plain() -> String {
    let usage = usage();
    format!(
        r#"{{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06",
        "choices":[{{"index":0,"message":{{"role":"assistant","content":"hi"}},
        "finish_reason":"stop"}}],"usage":{usage}}}"#
    )
}

fn stream(to: &mut TcpStream) -> Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                transfer-encoding: chunked\r\n\r\n";
    to.write_all(head.as_bytes())?;
    let mut pause = FIRST_CHUNK;
    let mut event = |data: &str| {
        thread::sleep(std::mem::replace(&mut pause, CHUNK));
        let event = format!("data: {data}\n\n");
        write!(to, "{:x}\r\n{event}\r\n", event.len())
    };
    let chunk = |choices: &str, usage: &str| {
        format!(
            r#"{{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024-08-06","choices":{choices}{usage}}}"#
        )
    };
    for text in ["", "Hel", "lo"] {
        let delta = format!(r#"{{"role":"assistant","content":"{text}"}}"#);
        let choice = format!(r#"[{{"index":0,"delta":{delta},"finish_reason":null}}]"#);
        event(&chunk(&choice, ""))?;
    }
    event(&chunk(
        r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#,
        "",
    ))?;
    event(&chunk("[]", &format!(r#","usage":{}"#, usage())))?;
    event("[DONE]")?;
    to.write_all(b"0\r\n\r\n")
}

fn usage() -> String {
    let total = OUTPUT_TOKENS + 9;
    format!(r#"{{"prompt_tokens":9,"completion_tokens":{OUTPUT_TOKENS},"total_tokens":{total}}}"#)
}

const EMBEDDINGS: &str = r#"{"object":"list","model":"text-embedding-3-small",
    "data":[{"object":"embedding","index":0,"embedding":[0.1]}],
    "usage":{"prompt_tokens":3,"total_tokens":3}}"#;
