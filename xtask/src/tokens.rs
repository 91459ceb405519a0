//! What checks want to know of a file's code, read from its tokens.
//!
//! Tokens rather than a syntax tree: they also show what stands inside macros,
//! and comments and texts can't be mistaken for code.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of its `fn`.
    pub(crate) line: usize,
    /// From its `fn` through its closing brace.
    pub(crate) lines: usize,
}

/// A word of the code with its neighbours, as far as checks need them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// `env` for the `var` in `std::env::var` and in `use std::env::{args, var}`.
    pub(crate) parent: Option<String>,
    /// Whether a `!` follows.
    pub(crate) is_macro: bool,
    /// Whether `mod` comes before.
    pub(crate) is_module: bool,
}

/// All functions, nested ones and those inside macros too.
pub(crate) fn functions(code: &TokenStream) -> Vec<Function> {
    let mut found = Vec::new();
    collect_functions(code, &mut found);
    found
}

/// All words in order.
pub(crate) fn words(code: &TokenStream) -> Vec<Word> {
    let mut found = Vec::new();
    collect_words(code, None, &mut found);
    found
}

/// The code without the items under `#[cfg(test)]`.
pub(crate) fn without_tests(code: &TokenStream) -> TokenStream {
    let trees: Vec<_> = code.clone().into_iter().collect();
    let mut kept = Vec::new();
    let mut rest = trees.as_slice();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (TokenTree::Punct(hash), [TokenTree::Group(attribute), item @ ..])
                if hash.as_char() == '#' && is_cfg_test(attribute) =>
            {
                after_item(item)
            }
            (TokenTree::Group(group), _) => {
                let mut inner = Group::new(group.delimiter(), without_tests(&group.stream()));
                inner.set_span(group.span());
                kept.push(TokenTree::Group(inner));
                tail
            }
            _ => {
                kept.push(first.clone());
                tail
            }
        };
    }
    kept.into_iter().collect()
}

fn collect_functions(code: &TokenStream, found: &mut Vec<Function>) {
    let trees: Vec<_> = code.clone().into_iter().collect();
    let mut rest = trees.as_slice();
    while let [first, tail @ ..] = rest {
        match first {
            TokenTree::Group(group) => collect_functions(&group.stream(), found),
            TokenTree::Ident(word) if word == "fn" => {
                let line = word.span().start().line;
                found.extend(body(tail).map(|body| Function {
                    name: name(tail),
                    line,
                    lines: body.span_close().end().line - line + 1,
                }));
            }
            _ => {}
        }
        rest = tail;
    }
}

/// Of `name(..) -> T { .. }`; none for a function type or a declaration.
fn body(after_fn: &[TokenTree]) -> Option<&Group> {
    if let Some(TokenTree::Group(_)) = after_fn.first() {
        return None;
    }
    after_fn
        .iter()
        .take_while(|tree| !is_punct(tree, ';'))
        .find_map(|tree| match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
            _ => None,
        })
}

fn name(after_fn: &[TokenTree]) -> String {
    match after_fn {
        [TokenTree::Ident(name), ..] => name.to_string(),
        // A macro's variable.
        [TokenTree::Punct(_), TokenTree::Ident(name), ..] => format!("${name}"),
        _ => String::new(),
    }
}

fn collect_words(code: &TokenStream, parent: Option<&str>, found: &mut Vec<Word>) {
    let trees: Vec<_> = code.clone().into_iter().collect();
    let mut rest = trees.as_slice();
    let mut before = parent.map(str::to_owned);
    let mut after_mod = false;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            TokenTree::Ident(word) => {
                let text = word.to_string();
                found.push(Word {
                    text: text.clone(),
                    line: word.span().start().line,
                    parent: before.take(),
                    is_macro: tail.first().is_some_and(|tree| is_punct(tree, '!')),
                    is_module: after_mod,
                });
                after_mod = text == "mod";
                if let [first, second, after_path @ ..] = tail
                    && is_punct(first, ':')
                    && is_punct(second, ':')
                {
                    before = Some(text);
                    rest = after_path;
                }
            }
            TokenTree::Group(group) => {
                collect_words(&group.stream(), before.take().as_deref(), found);
            }
            comma if is_punct(comma, ',') => before = parent.map(str::to_owned),
            _ => before = None,
        }
    }
}

fn is_cfg_test(attribute: &Group) -> bool {
    attribute.delimiter() == Delimiter::Bracket && attribute.stream().to_string() == "cfg (test)"
}

/// What follows the item that begins here: its body or its semicolon ends it.
fn after_item(item: &[TokenTree]) -> &[TokenTree] {
    let end = item.iter().position(|tree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => is_punct(tree, ';'),
    });
    end.and_then(|end| item.get(end + 1..)).unwrap_or_default()
}

fn is_punct(tree: &TokenTree, character: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_counted_from_fn_through_the_closing_brace() {
        let found = functions(&code(
            "/// Said about it.\n#[inline]\npub(crate) fn one(\n    a: u8,\n) -> u8 {\n    a\n}\nfn two() {}",
        ));
        assert_eq!(found, [function("one", 3, 5), function("two", 8, 1)]);
    }

    #[test]
    fn functions_in_impls_functions_and_macros_are_found() {
        let found = functions(&code(
            "impl A { fn outer() {\n fn inner() {}\n} }\nproptest! { fn drawn(x in 0..9) {\n} }",
        ));
        let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["outer", "inner", "drawn"]);
    }

    #[test]
    fn declarations_and_function_types_have_no_body() {
        let found = functions(&code(
            "trait A { fn declared(&self); }\nstruct B { f: fn(u8) -> u8 }\nstruct C {}",
        ));
        assert_eq!(found, []);
    }

    #[test]
    fn comments_and_texts_hold_no_words() {
        assert_eq!(
            texts("// prost\n/* prost */ let a = \"prost\";"),
            ["let", "a"]
        );
    }

    #[test]
    fn a_word_knows_the_path_step_before_it() {
        let parent_of_var = |text| {
            let words = words(&code(text));
            let var = words.into_iter().find(|word| word.text == "var");
            var.unwrap().parent
        };
        assert_eq!(
            parent_of_var("std::env::var(\"A\")").as_deref(),
            Some("env")
        );
        assert_eq!(
            parent_of_var("use std::env::{args, var};").as_deref(),
            Some("env")
        );
        assert_eq!(
            parent_of_var("use std::{env::var, fs};").as_deref(),
            Some("env")
        );
        assert_eq!(parent_of_var("f(env, var)"), None);
        assert_eq!(parent_of_var("env { var }"), None);
    }

    #[test]
    fn macros_and_modules_are_told_from_other_words() {
        let found = words(&code("mod shared { println!(\"\"); println(); }"));
        let seen: Vec<_> = found
            .iter()
            .map(|word| (word.text.as_str(), word.is_module, word.is_macro))
            .collect();
        assert_eq!(
            seen,
            [
                ("mod", false, false),
                ("shared", true, false),
                ("println", false, true),
                ("println", false, false),
            ]
        );
    }

    #[test]
    fn items_for_tests_are_left_out_and_what_follows_them_is_not() {
        let kept = without_tests(&code(
            "fn a() {}\n#[cfg(test)]\n#[path = \"x\"]\nmod tests { fn b() {} }\n#[cfg(test)] use c::d;\nimpl E { #[cfg(test)] fn f() {} fn g() {} }",
        ));
        let names: Vec<_> = functions(&kept)
            .into_iter()
            .map(|f| (f.name, f.line))
            .collect();
        assert_eq!(names, [("a".to_owned(), 1), ("g".to_owned(), 6)]);
    }

    fn code(text: &str) -> TokenStream {
        text.parse().unwrap()
    }

    fn texts(text: &str) -> Vec<String> {
        words(&code(text))
            .into_iter()
            .map(|word| word.text)
            .collect()
    }

    fn function(name: &str, line: usize, lines: usize) -> Function {
        Function {
            name: name.to_owned(),
            line,
            lines,
        }
    }
}
