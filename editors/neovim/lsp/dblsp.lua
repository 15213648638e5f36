-- How Neovim starts the server. Change any of it with `vim.lsp.config("dblsp", { … })`.
return {
  cmd = { "dblsp", "lsp" },
  filetypes = { "sql", "toml" },
  root_markers = { "supabase", "dblsp.toml", ".git" },
  -- Of TOML files only the project's settings: what is written there counts while it is typed.
  root_dir = function(buffer, start)
    local name = vim.fs.basename(vim.api.nvim_buf_get_name(buffer))
    if vim.bo[buffer].filetype ~= "toml" or name == "dblsp.toml" then
      start(vim.fs.root(buffer, vim.lsp.config.dblsp.root_markers))
    end
  end,
  -- The plug-in asks for a name to be typed where the server wants one.
  init_options = { confirm = true },
  before_init = function(params, config)
    -- A copy: it is the configuration's own table, and trust may be another at the next start.
    local options = vim.deepcopy(params.initializationOptions or {})
    if options.trusted == nil then
      options.trusted = require("dblsp.trust").has(config.root_dir)
    end
    params.initializationOptions = options
  end,
}
