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

/// How an answer ended, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// Stop, a tool call, or the length limit.
    Whole,
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
    usage: Option<Usage>,
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

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// Reads a piece; nothing if it is none.
pub(super) fn read(data: &[u8]) -> Option<Said> {
    let piece: Piece = serde_json::from_slice(data).ok()?;
    let choices = piece.choices.unwrap_or_default();
    let count = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
    let has_error = piece.error.is_some_and(|it| is_something(&it));
    let finishes = choices.iter().filter_map(Choice::finish);
    let error = has_error.then_some(Finish::Error);
    Some(Said {
        has_token: choices.iter().any(Choice::has_token),
        finish: finishes.chain(error).max_by_key(|finish| *finish as u8),
        input_tokens: piece
            .usage
            .as_ref()
            .and_then(|it| it.prompt_tokens)
            .map(count),
        output_tokens: piece
            .usage
            .as_ref()
            .and_then(|it| it.completion_tokens)
            .map(count),
    })
}

impl Choice {
    fn has_token(&self) -> bool {
        let messages = [&self.delta, &self.message].into_iter().flatten();
        self.text.as_ref().is_some_and(is_something) || messages.into_iter().any(Message::has_token)
    }

    fn finish(&self) -> Option<Finish> {
        if self.error.as_ref().is_some_and(is_something) {
            return Some(Finish::Error);
        }
        match self.finish_reason.as_ref()?.as_str()? {
            "" => None,
            "content_filter" => Some(Finish::Filtered),
            "error" => Some(Finish::Error),
            // stop, length, tool_calls, function_call, and whatever else is an ordinary end.
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
        channels.into_iter().flatten().any(is_something)
    }
}

/// Providers send channels that they don't use as null or empty.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_something),
        Value::Object(fields) => fields.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
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
            (choice(r#""finish_reason":"length""#), Some(Finish::Whole)),
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
        assert_eq!(read(b"[DONE]"), None);
        assert_eq!(read(b"{\"choices\": 7}"), None);
    }
}
