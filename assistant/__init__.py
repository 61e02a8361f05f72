"""A question -> an answer in the rule's own words, cited and verified, or a refusal."""
