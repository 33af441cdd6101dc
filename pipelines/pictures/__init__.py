"""Pictures for people, used by several verbs: drawing on a sheet, contact sheets."""
