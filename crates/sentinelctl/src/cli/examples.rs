//! What the help of each command ends with: lines to copy. A test parses every one of them.

/// The command and its examples; those with more to say have them beside their arguments.
pub const EXAMPLES: &[(&str, &str)] = &[
    (
        "status",
        "sentinelctl status
  sentinelctl status --all                       # every hook, ring, queue and counter
  sentinelctl --json status | jq '.problems'",
    ),
    (
        "mode",
        "sentinelctl mode
  sentinelctl mode detect                        # known attacks and anomalies
  sentinelctl mode learn --for 7d                # known attacks only, then detect again",
    ),
    (
        "alerts",
        "sentinelctl alerts --open --since 2h
  sentinelctl alerts --follow --min-severity high
  sentinelctl alerts show 24e7775522daa79d
  sentinelctl alerts ack 24e7775522daa79d -m 'our own test'",
    ),
    (
        "baseline",
        "sentinelctl baseline list
  sentinelctl baseline show --exe /usr/bin/curl
  sentinelctl baseline show                      # what is new, and waits
  sentinelctl baseline approve 24e77755",
    ),
    (
        "events",
        "sentinelctl events --follow --kind exec,connect
  sentinelctl events --since 10min --exe /usr/bin/curl
  sentinelctl --json events --follow | jq -r .exe",
    ),
    (
        "doctor",
        "sentinelctl doctor
  sentinelctl --json doctor | jq 'select(.state == \"bad\")'",
    ),
    (
        "tree",
        "sentinelctl tree
  sentinelctl tree 1234                          # its ancestors and descendants",
    ),
    (
        "config",
        "sentinelctl config --changed
  sentinelctl config detect.reverse_shell",
    ),
    (
        "reload",
        "sentinelctl reload                             # 'sentinel check-config' checks before",
    ),
    (
        "audit",
        "sentinelctl audit -n 20
  sentinelctl audit --since yesterday",
    ),
    (
        "rules",
        "sentinelctl rules list --hit
  sentinelctl rules check new-rule.yml
  sentinelctl rules reload",
    ),
    (
        "simulate",
        "sentinelctl simulate --list
  sentinelctl simulate fileless                  # every variant of a family
  sentinelctl simulate fileless/memfd",
    ),
    (
        "coverage",
        "sentinelctl coverage                           # takes seconds, needs root
  sentinelctl coverage fileless
  sentinelctl coverage --last",
    ),
    (
        "completions",
        "sentinelctl completions bash > /etc/bash_completion.d/sentinelctl
  sentinelctl completions zsh > /usr/local/share/zsh/site-functions/_sentinelctl
  sentinelctl completions fish > ~/.config/fish/completions/sentinelctl.fish",
    ),
];
