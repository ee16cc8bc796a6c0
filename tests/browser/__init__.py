"""Pictures and pages in a real browser: what can be measured there is checked, not looked at."""
