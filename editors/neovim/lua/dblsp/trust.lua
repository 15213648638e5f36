--- Which projects the server may work on databases for: they say which database, and what is run on it.
local M = {}

local function file()
  return vim.fs.joinpath(vim.fn.stdpath("state"), "dblsp-trusted")
end

local function roots()
  local path = file()
  return vim.uv.fs_stat(path) and vim.fn.readfile(path) or {}
end

--- Whether the user said that this project may be trusted.
---@param root string?
---@return boolean
function M.has(root)
  return root ~= nil and vim.list_contains(roots(), vim.fs.normalize(root))
end

--- Remembers that a project may be trusted, or no longer.
---@param root string
---@param trusted boolean
function M.set(root, trusted)
  root = vim.fs.normalize(root)
  local kept = vim.tbl_filter(function(known)
    return known ~= root
  end, roots())
  if trusted then
    table.insert(kept, root)
  end
  vim.fn.mkdir(vim.fs.dirname(file()), "p")
  vim.fn.writefile(kept, file())
end

return M
