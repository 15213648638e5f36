;;; dblsp.el --- PostgreSQL migrations with dblsp  -*- lexical-binding: t -*-

;; What Eglot needs to know of dblsp, for the init file.  Eglot is part of Emacs since 29.

;;; Code:

(require 'eglot)

(add-to-list 'eglot-server-programs '(sql-mode . ("dblsp" "lsp")))
(add-hook 'sql-mode-hook #'eglot-ensure)

(defun dblsp-new-migration (name)
  "Write the next migration, which does NAME, and its rollback."
  (interactive "sWhat does the migration do, in a few words? ")
  (eglot-execute-command (eglot-current-server) "dblsp.newMigration" (vector (list :name name))))

(provide 'dblsp)
;;; dblsp.el ends here
