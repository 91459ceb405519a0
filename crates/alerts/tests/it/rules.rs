//! Configurations, good and bad.

use sextant_alerts::Config;

/// All that is wrong with it, a line each.
fn wrong(settings: &str) -> String {
    let config: Config = toml::from_str(settings).unwrap();
    let problems = config.resolve().unwrap_err();
    let lines = problems
        .iter()
        .map(|it| format!("{}: {}; {}\n", it.setting, it.what, it.advice));
    lines.collect()
}

#[test]
fn the_defaults_hold() {
    assert!(Config::default().resolve().is_ok());
    assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
}

#[test]
fn a_rule_that_can_never_fire_is_refused() {
    assert_eq!(
        wrong("objective = 0.9"),
        "rules: uptime-page: it could never fire with the objective 0.9: errors cannot come 14.4 \
         times as fast as the 0.1000 that it allows; give a burn_rate below 10.00\n"
    );
    assert_eq!(
        wrong("objectives = [{ provider = \"p\", uptime = 0.5 }]"),
        "rules: uptime-page: it could never fire with the objective 0.5 at p: errors cannot come \
         14.4 times as fast as the 0.5000 that it allows; give a burn_rate below 2.00\n\
         rules: uptime-ticket: it could never fire with the objective 0.5 at p: errors cannot come \
         6 times as fast as the 0.5000 that it allows; give a burn_rate below 2.00\n"
    );
    let apart = "objectives = [{ provider = \"p\", uptime = 0.5 }]\n\
                 [[rules]]\nname = \"r\"\nkind = \"uptime\"\nburn_rate = 14.4\nwindow = \"30m\"\n\
                 short_window = \"5m\"\nproviders = [\"q\"]\n";
    let config: Config = toml::from_str(apart).unwrap();
    assert!(config.resolve().is_ok(), "the rule is not about p");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    assert_eq!(
        wrong(
            "agents_min = 0\nevaluate_interval_ms = 5\nobjective = 1.0\n\
             objectives = [{ uptime = 0.9 }, { model = \"no slash\", uptime = 0.9 }]\n\
             [[rules]]\nname = \"Upper\"\nkind = \"observer\"\nproviders = [\"p\"]\n\
             [[rules]]\nname = \"a\"\nkind = \"uptime\"\nburn_rate = 2.0\nwindow = \"5m\"\n\
             short_window = \"30m\"\npercentile = \"p50\"\n\
             [[rules]]\nname = \"a\"\nkind = \"latency\"\nabove_ms = -1.0\n\
             [[rules]]\nname = \"b\"\nkind = \"rate_limited\"\nabove_ratio = 1.5\n\
             [[rules]]\nname = \"c\"\nkind = \"no_data\"\nafter_s = 5\n"
        ),
        "evaluate_interval_ms: 5 is out of range; give 100 to 60000\n\
         agents_min: 0 is out of range; give 1 to 16\n\
         objective: 1 is no share between 0 and 1; give a number like 0.99\n\
         objectives: number 1: it names neither a model nor a provider; name one, or set objective \
         for all\n\
         objectives: number 2: \"no slash\": model must be author/slug, each of letters, digits, '.', \
         '_', '-' or ':', at most 128 bytes in all; correct it\n\
         rules: number 1 (Upper): \"Upper\": a rule's name is 1 to 64 of a-z, 0-9, '_' and '-'; \
         correct it\n\
         rules: number 1 (Upper): it is about no model and no provider; leave models and providers \
         out\n\
         rules: number 2 (a): percentile means nothing to this kind; take percentile out\n\
         rules: number 2 (a): short_window (30 min) is not shorter than window (5 min); give a \
         shorter one: the windows are 1m, 5m, 30m, 6h, 1d\n\
         rules: number 3 (a): another one is called so, too; give each a name of its own\n\
         rules: number 3 (a): percentile is missing; give percentile, above_ms\n\
         rules: number 3 (a): above_ms is not above 0; give a positive number\n\
         rules: number 4 (b): above_ratio is more than all of it: it could never fire; give a share \
         of at most 1\n\
         rules: number 5 (c): after_s is shorter than 15; give at least 15\n"
    );
}

#[test]
fn a_rule_that_cannot_be_parsed_is_named_with_its_field() {
    let settings = "[[rules]]\nname = \"slow\"\nkind = \"latency\"\nabove_ms = \"much\"\n\
                    [[rules]]\nname = \"other\"\nkind = \"speed\"\n";
    let error = toml::from_str::<Config>(settings).unwrap_err();
    let message = error.message();
    assert!(message.contains("number 1 (slow): above_ms: "), "{message}");
    assert!(
        message.contains("number 2 (other): kind: unknown variant `speed`"),
        "{message}"
    );
}
