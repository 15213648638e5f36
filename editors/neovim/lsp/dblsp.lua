-- How Neovim starts the server. Change any of it with `vim.lsp.config("dblsp", { … })`.
return {
  cmd = { "dblsp", "lsp" },
  filetypes = { "sql" },
  root_markers = { "supabase", "dblsp.toml", ".git" },
  -- The plug-in asks for a name to be typed where the server wants one.
  init_options = { confirm = true },
  before_init = function(params, config)
    local options = params.initializationOptions or {}
    if options.trusted == nil then
      options.trusted = require("dblsp.trust").has(config.root_dir)
    end
    params.initializationOptions = options
  end,
}
