-- How Neovim starts the server. Change any of it with `vim.lsp.config("dblsp", { … })`.
return {
  cmd = { "dblsp", "lsp" },
  filetypes = { "sql" },
  root_markers = { "supabase", "dblsp.toml", ".git" },
}
