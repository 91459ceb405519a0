//! What a piece of an answer says: tokens, an end, an error, the bill.

use serde::Deserialize;
use serde_json::Value;

/// What follows from a piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// It holds something that was generated.
    pub(super) has_token: bool,
    /// It says how the answer ended.
    pub(super) finish: Option<Finish>,
    pub(super) input_tokens: Option<u32>,
    pub(super) output_tokens: Option<u32>,
}

/// How an answer ended, by its own word; what outweighs the others last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Finish {
    /// Stop, or a tool call.
    Whole,
    /// The length limit: so much was generated, whether shown or not.
    Length,
    /// The provider's filter stopped it.
    Filtered,
    /// An error.
    Error,
}

/// Of a whole answer or of a chunk of one. What else is there is not looked at.
#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Message>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    text: Option<Value>,
    #[serde(default)]
    finish_reason: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

/// What was generated, in whatever channel. A role alone is not.
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    reasoning: Option<Value>,
    #[serde(default)]
    reasoning_content: Option<Value>,
    #[serde(default)]
    reasoning_details: Option<Value>,
    #[serde(default)]
    refusal: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Value>,
    #[serde(default)]
    function_call: Option<Value>,
    #[serde(default)]
    audio: Option<Value>,
    #[serde(default)]
    images: Option<Value>,
}

/// Fields that say what something is, and hold nothing of it.
const LABELS: [&str; 6] = ["type", "id", "format", "role", "signature", "status"];

/// Reads a piece; nothing if it is none.
pub(super) fn read(data: &[u8]) -> Option<Said> {
    let piece: Piece = serde_json::from_slice(data).ok()?;
    let choices = piece.choices.unwrap_or_default();
    let has_error = piece.error.is_some_and(|it| is_error(&it));
    let finishes = choices.iter().filter_map(Choice::finish);
    let error = has_error.then_some(Finish::Error);
    // What can't be read of the bill takes nothing from the rest.
    let tokens = |field| count(piece.usage.as_ref()?.get(field)?);
    Some(Said {
        has_token: choices.iter().any(Choice::has_token),
        finish: finishes.chain(error).max(),
        input_tokens: tokens("prompt_tokens"),
        output_tokens: tokens("completion_tokens"),
    })
}

/// A number of tokens, as an integer or in the notation of floats.
fn count(tokens: &Value) -> Option<u32> {
    if let Some(whole) = tokens.as_u64() {
        return Some(u32::try_from(whole).unwrap_or(u32::MAX));
    }
    let tokens = tokens.as_f64().filter(|tokens| *tokens >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and what is too much saturates"
    )]
    Some(tokens as u32)
}

impl Choice {
    fn has_token(&self) -> bool {
        let messages = [&self.delta, &self.message].into_iter().flatten();
        self.text.as_ref().is_some_and(is_generated) || messages.into_iter().any(Message::has_token)
    }

    fn finish(&self) -> Option<Finish> {
        if self.error.as_ref().is_some_and(is_error) {
            return Some(Finish::Error);
        }
        match self.finish_reason.as_ref()?.as_str()? {
            "" => None,
            "content_filter" => Some(Finish::Filtered),
            "error" => Some(Finish::Error),
            "length" => Some(Finish::Length),
            // stop, tool_calls, function_call, and whatever else is an ordinary end.
            _ => Some(Finish::Whole),
        }
    }
}

impl Message {
    fn has_token(&self) -> bool {
        let channels = [
            &self.content,
            &self.reasoning,
            &self.reasoning_content,
            &self.reasoning_details,
            &self.refusal,
            &self.tool_calls,
            &self.function_call,
            &self.audio,
            &self.images,
        ];
        channels.into_iter().flatten().any(is_generated)
    }
}

/// Whether there is any text in a channel. Providers send those that they don't use as null or empty,
/// or begin them with a part that has a type and no text yet.
fn is_generated(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_generated),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| !LABELS.contains(&name.as_str()) && is_generated(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Some send an error with every chunk, which is null, false or empty if there is none.
fn is_error(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_error),
        Value::Object(fields) => fields.values().any(is_error),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(data: &str) -> bool {
        read(data.as_bytes()).unwrap().has_token
    }

    #[test]
    fn a_token_of_any_channel_is_one_and_a_role_is_none() {
        for delta in [
            r#"{"content":"x"}"#,
            r#"{"role":"assistant","content":" "}"#,
            r#"{"reasoning":"hm"}"#,
            r#"{"reasoning_content":"hm","content":null}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","text":"hm"}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
            r#"{"function_call":{"name":"f"}}"#,
            r#"{"refusal":"no"}"#,
            r#"{"content":[{"type":"text","text":"x"}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"x","index":0}]}"#,
            r#"{"audio":{"id":"audio_1","data":"UklG"}}"#,
            r#"{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,x"}}]}"#,
        ] {
            assert!(
                token(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)),
                "{delta}"
            );
        }
        for data in [
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":null,"usage":null}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"delta":{"content":null,"tool_calls":[]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":""}]}}]}"#,
            r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","text":"","format":"x-v1","index":0}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function"}]}}]}"#,
            r#"{"choices":[{"delta":{"audio":{"id":"audio_1","expires_at":1700000000}}}]}"#,
        ] {
            assert!(!token(data), "{data}");
        }
        assert!(token(r#"{"choices":[{"message":{"content":"whole"}}]}"#));
        assert!(token(r#"{"choices":[{"text":"legacy"}]}"#));
    }

    #[test]
    fn how_it_ended_is_read_and_an_error_outweighs_all_else() {
        let finish = |data: &str| read(data.as_bytes()).unwrap().finish;
        let choice = |more: &str| format!(r#"{{"choices":[{{"delta":{{}},{more}}}]}}"#);
        for (data, expected) in [
            (choice(r#""finish_reason":null"#), None),
            (choice(r#""finish_reason":"stop""#), Some(Finish::Whole)),
            (choice(r#""finish_reason":"length""#), Some(Finish::Length)),
            (
                choice(r#""finish_reason":"tool_calls""#),
                Some(Finish::Whole),
            ),
            (
                choice(r#""finish_reason":"content_filter""#),
                Some(Finish::Filtered),
            ),
            (choice(r#""finish_reason":"error""#), Some(Finish::Error)),
            (
                choice(r#""finish_reason":"stop","error":{"code":502}"#),
                Some(Finish::Error),
            ),
            (
                r#"{"error":{"code":"server_error","message":"x"},"choices":[]}"#.to_owned(),
                Some(Finish::Error),
            ),
            (r#"{"error":null,"choices":[]}"#.to_owned(), None),
            (r#"{"error":false,"choices":[]}"#.to_owned(), None),
            (r#"{"error":500}"#.to_owned(), Some(Finish::Error)),
            (
                r#"{"choices":[{"finish_reason":"content_filter"},{"finish_reason":"stop"}]}"#
                    .to_owned(),
                Some(Finish::Filtered),
            ),
        ] {
            assert_eq!(finish(&data), expected, "{data}");
        }
    }

    #[test]
    fn the_bill_is_read_as_far_as_it_goes() {
        let said =
            read(br#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":99999999999}}"#);
        let said = said.unwrap();
        assert_eq!(
            (said.input_tokens, said.output_tokens),
            (Some(7), Some(u32::MAX))
        );
        for (bill, expected) in [
            ("12.0", Some(12)),
            ("0", Some(0)),
            ("1e300", Some(u32::MAX)),
            ("-1", None),
            ("-1.5", None),
            ("\"12\"", None),
            ("null", None),
        ] {
            let said = read(
                format!(
                    r#"{{"choices":[{{"delta":{{"content":"x"}},"finish_reason":"stop"}}],
                        "usage":{{"prompt_tokens":7,"completion_tokens":{bill}}}}}"#
                )
                .as_bytes(),
            )
            .unwrap();
            assert!(
                said.has_token && said.finish == Some(Finish::Whole),
                "{bill}"
            );
            assert_eq!(said.input_tokens, Some(7), "{bill}");
            assert_eq!(said.output_tokens, expected, "{bill}");
        }
        assert!(read(br#"{"choices":[],"usage":"free"}"#).is_some());
        assert_eq!(read(b"[DONE]"), None);
        assert_eq!(read(b"{\"choices\": 7}"), None);
    }
}
