#pragma once

#include "service/sensorctl/failure.h"

#include <QByteArray>
#include <QTemporaryDir>

#include <memory>

namespace beacon::sensorctl {

/// A document in a private file (0600 in a directory of its own, 0700) that a person's editor changes.
///
/// Owns:    file and directory, removed with it unless keep() was called.
class EditedFile {
public:
    /// Failure: 73.
    [[nodiscard]] static Outcome<EditedFile> make(const QString& name, const QByteArray& text);

    /// Runs $VISUAL, else $EDITOR, else vi, without a shell: split into words, "…" around one that has spaces. Waits
    /// for its end. Failure: 78 it cannot be run; 65 it ended with an error.
    [[nodiscard]] std::optional<Failure> edit() const;
    [[nodiscard]] Outcome<QByteArray> text() const;

    [[nodiscard]] QString path() const { return m_path; }
    void keep(); ///< the file stays where it is

private:
    EditedFile(std::unique_ptr<QTemporaryDir> directory, QString path);

    std::unique_ptr<QTemporaryDir> m_directory;
    QString m_path;
};

} // namespace beacon::sensorctl
