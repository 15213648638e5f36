--- `:checkhealth dblsp`
local health = vim.health

local M = {}

local function check_neovim()
  local version = tostring(vim.version())
  if vim.fn.has("nvim-0.11") == 1 then
    health.ok("Neovim " .. version)
  else
    health.error("Neovim " .. version .. " is too old", "Install Neovim 0.11 or newer.")
  end
end

local function check_server()
  local command = vim.lsp.config.dblsp.cmd[1]
  local path = vim.fn.exepath(command)
  if path == "" then
    health.error(("`%s` is not found"):format(command), {
      "Install dblsp: cargo install --path . in a clone of its repository.",
      'Or say where it is: vim.lsp.config("dblsp", { cmd = { "/path/to/dblsp", "lsp" } })',
    })
    return
  end
  local result = vim.system({ path, "--version" }, { text = true }):wait(5000)
  if result.code == 0 then
    health.ok(vim.trim(result.stdout) .. " at " .. path)
  else
    health.error(("`%s --version` failed: %s"):format(path, vim.trim(result.stderr or "")))
  end
end

local function check_client()
  local clients = vim.lsp.get_clients({ name = "dblsp" })
  if #clients == 0 then
    health.info("No server is running: it starts with the first SQL file")
  end
  for _, running in ipairs(clients) do
    local root = running.root_dir
    health.ok(("Running for %d file(s) in %s"):format(
      #vim.tbl_keys(running.attached_buffers),
      root or "no project: there is no " .. table.concat(vim.lsp.config.dblsp.root_markers, ", no ")
    ))
    local settings = root and vim.fs.joinpath(root, "dblsp.toml")
    if settings and vim.uv.fs_stat(settings) then
      health.ok("Settings: " .. settings)
    else
      health.info("Settings: the defaults, as there is no dblsp.toml at the root")
    end
  end
end

function M.check()
  health.start("dblsp")
  check_neovim()
  check_server()
  check_client()
end

return M
