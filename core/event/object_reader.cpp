#include "core/event/object_reader.h"

namespace beacon {

namespace {

std::string plain(double number)
{
    return QString::number(number, 'g', 17).toStdString();
}

} // namespace

bool ObjectReader::isAbsent(Key key) const
{
    const QJsonValue value = m_object.value(key);
    return value.isUndefined() || value.isNull();
}

QString ObjectReader::string(Key key, qsizetype most)
{
    const QJsonValue value = m_object.value(key);
    if (!value.isString())
        complain(key, "must be a string");
    else if (value.toString().size() > most)
        complain(key, "is longer than " + std::to_string(most) + " characters");
    else
        return value.toString();
    return {};
}

QString ObjectReader::name(Key key, qsizetype most, bool needed)
{
    if (!needed && isAbsent(key))
        return {};
    QString read = string(key, most);
    if (needed && read.isEmpty())
        complain(key, "is empty");
    if (read.contains(QChar{u'\0'}))
        complain(key, "has a NUL in it");
    return read;
}

double ObjectReader::number(Key key, double low, double high, std::optional<double> fallback)
{
    if (fallback && isAbsent(key))
        return *fallback;
    const QJsonValue value = m_object.value(key);
    if (value.isDouble() && value.toDouble() >= low && value.toDouble() <= high)
        return value.toDouble();
    complain(key, "must be a number from " + plain(low) + " to " + plain(high));
    return low;
}

qint64 ObjectReader::integer(Key key, qint64 low, qint64 high, std::optional<qint64> fallback)
{
    if (fallback && isAbsent(key))
        return *fallback;
    const qint64 read = m_object.value(key).toInteger(low - 1);
    if (read >= low && read <= high)
        return read;
    const bool open = high == std::numeric_limits<qint64>::max();
    complain(key,
        "must be a whole number from " + std::to_string(low) + (open ? std::string{} : " to " + std::to_string(high)));
    return low;
}

bool ObjectReader::boolean(Key key)
{
    const QJsonValue value = m_object.value(key);
    if (!value.isBool())
        complain(key, "must be true or false");
    return value.toBool();
}

QJsonObject ObjectReader::object(Key key, bool needed)
{
    if (!m_object.value(key).isObject() && (needed || !isAbsent(key)))
        complain(key, "must be an object");
    return m_object.value(key).toObject();
}

QJsonArray ObjectReader::array(Key key, qsizetype most)
{
    const QJsonValue value = m_object.value(key);
    if (!value.isArray() && !value.isUndefined())
        complain(key, "must be an array");
    else if (value.toArray().size() > most)
        complain(key, "has more than " + std::to_string(most) + " items");
    else
        return value.toArray();
    return {};
}

void ObjectReader::complain(Key key, const std::string& complaint)
{
    if (m_complaint.empty())
        m_complaint = std::string{m_what} + ": " + std::string(key.data(), static_cast<std::size_t>(key.size())) + ' '
            + complaint;
}

} // namespace beacon
