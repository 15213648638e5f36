if vim.g.loaded_dblsp then
  return
end
vim.g.loaded_dblsp = true

-- `vim.lsp.config` and `vim.lsp.enable` came with 0.11.
if vim.fn.has("nvim-0.11") == 0 then
  local version = vim.version()
  local message = "dblsp needs Neovim 0.11 or newer; this is %d.%d.%d"
  vim.notify(message:format(version.major, version.minor, version.patch), vim.log.levels.WARN)
  return
end

vim.lsp.enable("dblsp")
require("dblsp.lens").setup()
require("dblsp.confirm").setup()

vim.api.nvim_create_user_command("Dblsp", function(command)
  require("dblsp.commands").run(command.fargs)
end, {
  nargs = "+",
  desc = "Ask dblsp to do something",
  complete = function(lead, line)
    return require("dblsp.commands").complete(lead, line)
  end,
})
